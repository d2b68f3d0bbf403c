using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>The gradient of the mean validation loss for an adapter, in parts: that of every block of records, each with the weight of its tokens.</summary>
internal sealed class ValidationGradient : IDisposable
{
    private readonly Backend _backend;
    private readonly IReadOnlyList<ParameterRange> _pieces;
    private readonly TokenizedExample[][] _blocks;
    private readonly int _counted, _maxRows;
    private readonly AdapterCopies _copies;
    private readonly TokenBatch _batch = new();

    /// <summary>Lays everything out; memory is taken at the first measurement.</summary>
    /// <param name="model">The base.</param>
    /// <param name="lora">The adapter.</param>
    /// <param name="pieces">Of that adapter.</param>
    /// <param name="validation">Records that have something to count, dealt into blocks in turn.</param>
    /// <param name="blocks">How many.</param>
    /// <param name="maxRows">Token rows of a pass.</param>
    public ValidationGradient(
        Transformer model, LoraOptions lora, IReadOnlyList<ParameterRange> pieces, IReadOnlyList<TokenizedExample> validation, int blocks, int maxRows)
    {
        (_backend, _pieces) = (model.Backend, pieces);
        blocks = Math.Min(blocks, validation.Count);
        _blocks = [.. Enumerable.Range(0, blocks).Select(b => validation.Where((_, i) => i % blocks == b).ToArray())];
        int[] counted = [.. _blocks.Select(block => block.Sum(Counted))];
        _counted = counted.Sum();
        Shares = [.. counted.Select(count => (double)count / _counted)];
        Tokens = validation.Sum(e => (long)e.InputIds.Length);
        _maxRows = (int)Math.Min(Math.Max(maxRows, validation.Max(e => e.InputIds.Length)), Tokens);
        _copies = new AdapterCopies(model, lora, blocks, _maxRows, Math.Min(_maxRows, _counted));
        Count = blocks * pieces.Sum(piece => piece.Count);
    }

    /// <summary>By block, its part of the counted tokens.</summary>
    public IReadOnlyList<double> Shares { get; }

    /// <summary>Token rows of a measurement.</summary>
    public long Tokens { get; }

    /// <summary>The mean loss at the last measurement.</summary>
    public double Loss { get; private set; }

    /// <summary>How many <see cref="Values"/> there are.</summary>
    public long Count { get; }

    /// <summary>What all of it takes, the values on the host included.</summary>
    public long Bytes => _copies.Bytes + (sizeof(float) * Count);

    /// <summary>The gradients of the last measurement, piece by piece, block by block; their sum over the blocks is that of the mean loss.</summary>
    public float[] Values { get; private set; } = [];

    /// <summary>The same on the backend.</summary>
    public TensorView Gradients => _copies.Gradients();

    public static int Counted(TokenizedExample example) => TokenBatch.CountTargets(example.Labels, example.Starts);

    /// <summary>Measures at the values of an adapter.</summary>
    public void Measure(TensorView values, CancellationToken cancellation)
    {
        _copies.Begin(values, _pieces);
        _batch.Clear();
        double sum = 0;
        for (int b = 0; b < _blocks.Length; b++)
        {
            bool isOpen = false;
            foreach (TokenizedExample example in _blocks[b])
            {
                if (_batch.Rows + example.InputIds.Length > _maxRows)
                {
                    if (isOpen) _batch.EndPart(b, 0, 0);
                    sum += Run(cancellation);
                }

                _batch.AddSequence(example.InputIds, example.Labels, example.Starts, 1f / _counted);
                isOpen = true;
            }

            _batch.EndPart(b, 0, 0);
        }

        Restore((sum + Run(cancellation)) / _counted);
    }

    /// <summary>Takes what lies in <see cref="Gradients"/> for the last measurement.</summary>
    /// <param name="loss">The mean loss there.</param>
    public void Restore(double loss)
    {
        Loss = loss;
        if (Values.Length == 0) Values = new float[Count];
        _backend.Download<float>(Gradients, Values);
    }

    public void Dispose() => _copies.Dispose();

    private double Run(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        double sum = _copies.Accumulate(_batch);
        _batch.Clear();
        return sum;
    }
}
