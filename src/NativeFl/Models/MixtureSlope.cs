using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// How the loss of examples changes with the weights of a mixture, for all adapters by one forward and one backward pass. y depends on A_k and on
/// w_k through w_k A_k alone, so by Euler's rule w_k ∂L/∂w_k = ⟨A_k, ∂L/∂A_k⟩: the row products of the stack and its gradient.
/// </summary>
/// <param name="model">The base.</param>
/// <param name="adapters">A trainable stack; its gradients are overwritten.</param>
/// <param name="mixture">Where the slope is taken.</param>
internal sealed class MixtureSlope(Transformer model, AdapterStack adapters, StackMixture mixture) : IDisposable
{
    private readonly StackUse _use = new(adapters, trains: true) { Mixtures = [mixture] };
    private readonly TokenBatch _batch = new();
    private TransformerPass? _pass;
    private int _passRows;

    /// <summary>By module of the stack and adapter, w_k ∂(Σ −log p)/∂w_k over the counted tokens of some examples; 0 for who is skipped.</summary>
    public IReadOnlyDictionary<ModuleId, double[]> Of(IReadOnlyList<TokenizedExample> examples, int maxRows, CancellationToken cancellation)
    {
        Backend backend = model.Backend;
        backend.Fill(0, adapters.Flat.Gradients);
        for (int first = 0; first < examples.Count;)
        {
            cancellation.ThrowIfCancellationRequested();
            first = _batch.Take(examples, first, maxRows, counts: true);
            _batch.EndPart(0, 0, 0);
            if (_batch.HeadRows.Length == 0) continue;
            Pass(maxRows).Train(_batch, new float[_batch.HeadRows.Length]);
        }

        return adapters.Modules.ToDictionary(module => module.Id, module => Products(backend, module));
    }

    /// <inheritdoc/>
    public void Dispose() => _pass?.Dispose();

    private double[] Products(Backend backend, StackModule module)
    {
        var plan = new MemoryPlan("row products");
        Slot slot = plan.Add("A · dA", new Shape(module.Rank, 3));
        using var arena = new Arena(backend, plan);
        var products = new float[3 * module.Rank];
        backend.CosineSimilarity(module.A, module.GradientA, arena[slot]);
        backend.Download<float>(arena[slot], products);
        ReadOnlySpan<float> weights = mixture.Of(module.Id);
        var sums = new double[weights.Length];
        for (int k = 0; k < sums.Length; k++)
        {
            (int start, int rank, _) = module.Segments[k];
            for (int row = start; weights[k] != 0 && row < start + rank; row++) sums[k] += products[3 * row];
        }

        return sums;
    }

    private TransformerPass Pass(int maxRows)
    {
        if (_pass is not null && _batch.Rows <= _passRows) return _pass;
        _pass?.Dispose();
        _passRows = Math.Max(_batch.Rows, maxRows);
        _pass = new TransformerPass(model, new PassOptions { MaxRows = _passRows, MaxHeadRows = _passRows, Backward = true }, _use);
        return _pass;
    }
}
