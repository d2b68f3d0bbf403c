using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>
/// K adapters of any ranks on one base model. Every linear layer owns A (R, in) and B (R, out) with R = Σ r_k; adapter k's rows are
/// contiguous in both. Training, exact aggregation (ΔW = Bᵀ diag(w) A), masking and merging are all done on this one layout.
/// </summary>
public sealed class AdapterStack : IDisposable
{
    private readonly Transformer _model;
    private readonly StackModule?[] _modules;

    /// <summary>Stacks adapters.</summary>
    /// <param name="model">The base.</param>
    /// <param name="adapters">One a client, in order; null is an adapter that touches nothing.</param>
    /// <param name="trainable">Whether gradients and optimiser state are kept beside the values.</param>
    /// <exception cref="InvalidInputException">An adapter does not fit the model.</exception>
    public AdapterStack(Transformer model, IReadOnlyList<AdapterWeights?> adapters, bool trainable)
        : this(model, StackLayout.Of(model, adapters), adapters.Count, trainable)
    {
        for (int k = 0; k < adapters.Count; k++)
        {
            if (adapters[k] is { } adapter) Import(k, adapter);
        }
    }

    private AdapterStack(Transformer model, StackLayout layout, int count, bool trainable, bool steps = true)
    {
        _model = model;
        Count = count;
        Flat = new FlatParameters(model.Backend, layout.ParameterCount, trainable, Math.Max(count, 1), steps);
        ParameterCount = layout.ParameterCount;
        _modules = layout.Modules(Flat);
        Ranges = trainable ? [.. Modules.SelectMany(RangesOf)] : [];
    }

    /// <summary>K.</summary>
    public int Count { get; }

    /// <summary>All values: Σ_modules R (in + out).</summary>
    public long ParameterCount { get; }

    internal FlatParameters Flat { get; }

    /// <summary>The flat buffer by client; empty unless trainable.</summary>
    internal ParameterRange[] Ranges { get; }

    internal IEnumerable<StackModule> Modules => _modules.OfType<StackModule>();

    internal StackModule? this[ModuleId id] => _modules[id.Index];

    /// <summary>Copies adapter k to the host.</summary>
    public AdapterWeights Export(int k)
    {
        var modules = new SortedDictionary<ModuleId, LoraFactors>();
        foreach (var module in Modules)
        {
            var segment = module.Segments[k];
            if (segment.Rank == 0) continue;
            var a = new float[(long)segment.Rank * module.InFeatures];
            var b = new float[(long)segment.Rank * module.OutFeatures];
            _model.Backend.Download<float>(module.A.Slice(segment.Start, segment.Rank), a);
            _model.Backend.Download<float>(module.B.Slice(segment.Start, segment.Rank), b);
            modules.Add(module.Id, new LoraFactors(segment.Rank, module.OutFeatures, module.InFeatures, segment.Scaling, a, b));
        }

        return new AdapterWeights(modules);
    }

    /// <summary>W += Σ_k weights[k] s_k B_kᵀ A_k in every linear layer of <paramref name="target"/>; weight 0 is skipped, never multiplied.</summary>
    /// <param name="weights">By adapter, finite.</param>
    /// <param name="target">A model of the same shape; usually the stack's own base.</param>
    public void MergeInto(IReadOnlyList<float> weights, Transformer target)
    {
        ArgumentNullException.ThrowIfNull(target);
        CheckWeights(weights);
        foreach (var module in Modules)
        {
            LoraGroup[] groups = [.. WeightedGroups(module, weights, rows: 0)];
            if (groups.Length > 0) target.Backend.LoraMerge(module.A, module.B, groups, target.Weights.LinearOf(module.Id));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Flat.Dispose();

    /// <summary>A stack of equal adapters that is laid out and whose values are not set: what memory plans are made from, and copies of one adapter.</summary>
    /// <param name="model">The base.</param>
    /// <param name="lora">Of every adapter.</param>
    /// <param name="count">How many.</param>
    /// <param name="trainable">Whether gradients are kept beside the values.</param>
    /// <param name="steps">Whether an optimiser's state is too.</param>
    internal static AdapterStack Plan(Transformer model, LoraOptions lora, int count = 1, bool trainable = true, bool steps = true)
    {
        ModuleId[] modules = [.. model.Config.Modules().Where(lora.Targets.Matches)];
        var ranks = Enumerable.Range(0, count).SelectMany(k => modules.Select(id => (id, k, new StackSegment(0, lora.Rank, lora.Scaling))));
        return new AdapterStack(model, new StackLayout(model.Config, count, ranks), count, trainable, steps);
    }

    /// <summary>Every adapter with a non-zero weight over all rows, each with its own columns of S.</summary>
    internal static IEnumerable<LoraGroup> WeightedGroups(StackModule module, IReadOnlyList<float> weights, int rows)
    {
        int column = 0;
        for (int k = 0; k < weights.Count; k++)
        {
            var segment = module.Segments[k];
            if (weights[k] == 0 || segment.Rank == 0) continue;
            yield return new LoraGroup(0, rows, segment.Start, segment.Rank, column, weights[k] * segment.Scaling);
            column += segment.Rank;
        }
    }

    internal void CheckWeights(IReadOnlyList<float> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.Count != Count) throw new ArgumentException($"expected {Count} weights, got {weights.Count}", nameof(weights));
        for (int k = 0; k < weights.Count; k++)
        {
            if (!float.IsFinite(weights[k])) throw new ArgumentException($"weight {k} is {weights[k]}", nameof(weights));
        }
    }

    private static IEnumerable<ParameterRange> RangesOf(StackModule module)
    {
        for (int k = 0; k < module.Segments.Count; k++)
        {
            var (start, rank, _) = module.Segments[k];
            if (rank == 0) continue;
            yield return new ParameterRange(module.OffsetA + ((long)start * module.InFeatures), (long)rank * module.InFeatures, k);
            yield return new ParameterRange(module.OffsetB + ((long)start * module.OutFeatures), (long)rank * module.OutFeatures, k);
        }
    }

    private void Import(int k, AdapterWeights adapter)
    {
        foreach (var (id, factors) in adapter.Modules)
        {
            if (factors.Rank == 0) continue;
            var module = this[id]!;
            var segment = module.Segments[k];
            _model.Backend.Upload<float>(factors.A, module.A.Slice(segment.Start, segment.Rank));
            _model.Backend.Upload<float>(factors.B, module.B.Slice(segment.Start, segment.Rank));
        }
    }
}
