using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// Copies of one adapter side by side in a stack: what goes through copy k leaves its gradient on copy k alone, so that one pass over the base
/// gives the gradients of many records, exactly.
/// </summary>
/// <remarks>A and B of every module are a piece each of an adapter; the same piece of all copies is a matrix with a row a copy.</remarks>
internal sealed class AdapterCopies : IDisposable
{
    private readonly Backend _backend;
    private readonly AdapterStack _stack;
    private readonly TransformerPass _pass;
    private readonly Arena _arena;
    private readonly Slot _zeros;
    private readonly float[] _losses;

    /// <summary>Lays everything out; memory is taken at the first use.</summary>
    /// <param name="model">The base.</param>
    /// <param name="lora">The adapter.</param>
    /// <param name="count">Copies.</param>
    /// <param name="maxRows">Token rows of a pass at most.</param>
    /// <param name="maxCounted">Counted rows of a pass at most.</param>
    public AdapterCopies(Transformer model, LoraOptions lora, int count, int maxRows, int maxCounted)
    {
        _backend = model.Backend;
        _stack = AdapterStack.Plan(model, lora, count, steps: false);
        var options = new PassOptions { MaxRows = maxRows, MaxHeadRows = maxCounted, Backward = true };
        _pass = new TransformerPass(model, options, new StackUse(_stack, weights: null, trains: true));
        _losses = new float[maxCounted];
        var plan = new MemoryPlan("copied rows");
        _zeros = plan.Add("row 0", new Shape(count), DType.I32);
        _arena = new Arena(_backend, plan); // of zeros, as fresh memory is
        Bytes = _stack.Flat.Plan.Bytes + _pass.Plans.Sum(table => table.Bytes) + plan.Bytes + (sizeof(float) * (long)maxCounted);
    }

    public int Count => _stack.Count;

    /// <summary>What all of it takes.</summary>
    public long Bytes { get; }

    /// <summary>All copies take the values of an adapter, and their gradients are 0.</summary>
    /// <param name="values">Flat, of one adapter.</param>
    /// <param name="pieces">Where its pieces lie there.</param>
    public void Begin(TensorView values, IReadOnlyList<ParameterRange> pieces)
    {
        foreach (ParameterRange piece in pieces)
            _backend.GatherRows(Of(values, piece, 1, 1), _arena[_zeros], Of(_stack.Flat.Values, piece, Count, Count));
        _backend.Fill(0, _stack.Flat.Gradients);
    }

    /// <summary>Adds a batch to the gradients of the copies that its parts name.</summary>
    /// <returns>Σ −log p over the counted tokens.</returns>
    public double Accumulate(TokenBatch batch)
    {
        Span<float> losses = _losses.AsSpan(0, batch.HeadRows.Length);
        _pass.Train(batch, losses);
        double sum = 0;
        foreach (float loss in losses) sum += loss;
        return sum;
    }

    /// <summary>(copies, elements): a piece of the gradients of the first so many copies.</summary>
    public TensorView Gradients(ParameterRange piece, int copies) => Of(_stack.Flat.Gradients, piece, Count, copies);

    /// <summary>The gradients of all copies, piece by piece, copy by copy.</summary>
    public TensorView Gradients() => _stack.Flat.Gradients;

    /// <summary>‖gradient‖ of every copy.</summary>
    public void Norms(Span<float> norms)
    {
        _backend.GradNorm(_stack.Flat.Gradients, _stack.Ranges, _stack.Flat.Norms);
        _backend.Download(_stack.Flat.Norms, norms);
    }

    public void Dispose()
    {
        _arena.Dispose();
        _pass.Dispose();
        _stack.Dispose();
    }

    /// <summary>A piece of the first <paramref name="rows"/> of so many copies in a flat buffer.</summary>
    public static TensorView Of(TensorView buffer, ParameterRange piece, int copies, int rows) =>
        FlatParameters.Matrix(buffer, copies * piece.Offset, rows, checked((int)piece.Count));
}
