using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>A base and the adapters that belong on it.</summary>
/// <param name="Base">The base, with all that was merged so far.</param>
/// <param name="Adapters">What lies beside it; each counts with its own scaling.</param>
public sealed record ServerModel(Transformer Base, IReadOnlyList<AdapterWeights> Adapters)
{
    /// <summary>The adapters as a frozen stack with weights of 1, or null without any.</summary>
    public AdapterStack? OpenStack() => Adapters.Count == 0 ? null : new AdapterStack(Base, [.. Adapters], trainable: false);

    /// <summary>Weights for <see cref="OpenStack"/>: every adapter counts in full.</summary>
    public IReadOnlyList<float>? Weights => Adapters.Count == 0 ? null : [.. Enumerable.Repeat(1f, Adapters.Count)];

    /// <summary>Merges the adapters into the base, which is then the whole model.</summary>
    /// <returns>The largest rounding of them, see <see cref="AdapterMerge"/>.</returns>
    public double Merge(DType storage) => Adapters.Select(a => AdapterMerge.Into(Base, a, storage)).DefaultIfEmpty(0).Max();
}
