using NativeFl.Data;
using NativeFl.Finetuning;

namespace NativeFl.Models;

/// <summary>What a model makes of given tokens: losses and logits, with or without adapters, nothing trained.</summary>
public sealed class TokenScorer : IDisposable
{
    private readonly Transformer _model;
    private readonly StackUse? _use;
    private readonly int _maxRows;
    private readonly TokenBatch _batch = new();
    private TransformerPass? _pass;
    private int _passRows;

    /// <summary>Makes a scorer.</summary>
    /// <param name="model">The base.</param>
    /// <param name="adapters">Adapters under all tokens, or null.</param>
    /// <param name="weights">One an adapter, multiplying its own scaling; 0 = skipped. Null: all 1.</param>
    /// <param name="maxRows">Token rows of a pass; a longer sequence gets a pass of its own length.</param>
    public TokenScorer(Transformer model, AdapterStack? adapters = null, IReadOnlyList<float>? weights = null, int maxRows = 2048)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRows);
        _model = model;
        _maxRows = maxRows;
        if (adapters is null) return;
        weights ??= [.. Enumerable.Repeat(1f, adapters.Count)];
        adapters.CheckWeights(weights);
        _use = new StackUse(adapters, weights, trains: false);
    }

    /// <summary>For each example, −log p of every counted token, in order.</summary>
    public float[][] Losses(IReadOnlyList<TokenizedExample> examples, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var losses = new float[examples.Count][];
        for (int first = 0; first < examples.Count;)
        {
            cancellation.ThrowIfCancellationRequested();
            int end = _batch.Take(examples, first, _maxRows, counts: true);
            var all = new float[_batch.HeadRows.Length];
            if (all.Length > 0)
            {
                var pass = Pass(_batch.Rows);
                pass.Forward(_batch);
                pass.Losses(all);
            }

            int offset = 0;
            for (; first < end; first++)
            {
                int count = TokenBatch.CountTargets(examples[first].Labels, examples[first].Starts);
                losses[first] = all[offset..(offset + count)];
                offset += count;
            }
        }

        return losses;
    }

    /// <summary>The logits of every token of one sequence.</summary>
    /// <param name="ids">T tokens.</param>
    /// <param name="logits">(T, V), row-major.</param>
    public void Logits(ReadOnlySpan<int> ids, Memory<float> logits)
    {
        int vocabulary = _model.Config.VocabularySize;
        if (logits.Length != (long)ids.Length * vocabulary)
            throw new ArgumentException($"expected room for ({ids.Length}, {vocabulary}) logits, got {logits.Length}", nameof(logits));
        _batch.Clear();
        _batch.AddSequence(ids, default, [0], 1);
        for (int row = 0; row < ids.Length; row++) _batch.AddTarget(row, 0, 1);
        var pass = Pass(ids.Length);
        pass.Forward(_batch);
        pass.Logits((first, rows, values) => values.AsSpan(0, rows * vocabulary).CopyTo(logits.Span[(first * vocabulary)..]));
    }

    /// <inheritdoc/>
    public void Dispose() => _pass?.Dispose();

    private TransformerPass Pass(int rows)
    {
        if (_pass is not null && rows <= _passRows) return _pass;
        _pass?.Dispose();
        _passRows = Math.Max(rows, _maxRows);
        _pass = new TransformerPass(_model, new PassOptions { MaxRows = _passRows, MaxHeadRows = _passRows }, frozen: _use);
        return _pass;
    }
}
