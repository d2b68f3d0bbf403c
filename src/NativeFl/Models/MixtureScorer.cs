using NativeFl.Data;
using NativeFl.Finetuning;

namespace NativeFl.Models;

/// <summary>
/// The losses of examples under many mixtures of one stack, side by side: the rows of a pass are filled mixture by mixture, and the rows of a
/// mixture lie together, so that they are one group of rows for every adapter that counts in it.
/// </summary>
internal sealed class MixtureScorer : IDisposable
{
    private readonly Transformer _model;
    private readonly StackUse _use;
    private readonly int _maxRows;
    private readonly TokenBatch _batch = new();
    private TransformerPass? _pass;
    private int _passRows;

    /// <summary>Makes a scorer.</summary>
    /// <param name="model">The base.</param>
    /// <param name="adapters">The adapters.</param>
    /// <param name="maxRows">Token rows of a pass; a longer example gets a pass of its own length.</param>
    public MixtureScorer(Transformer model, AdapterStack adapters, int maxRows)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRows);
        (_model, _use, _maxRows) = (model, new StackUse(adapters, trains: false), maxRows);
    }

    /// <summary>By mixture and example, Σ −log p of the counted tokens.</summary>
    public double[][] Losses(IReadOnlyList<StackMixture> mixtures, IReadOnlyList<TokenizedExample> examples, CancellationToken cancellation)
    {
        _use.Mixtures = mixtures;
        double[][] losses = [.. mixtures.Select(_ => new double[examples.Count])];
        var open = new List<(int Mixture, int Example)>();
        int rows = 0;
        for (int m = 0; m < mixtures.Count; m++)
        {
            for (int i = 0; i < examples.Count; i++)
            {
                int length = examples[i].InputIds.Length;
                if (length == 0) continue;
                if (rows > 0 && rows + length > _maxRows)
                {
                    Run(examples, open, losses, cancellation);
                    rows = 0;
                }

                open.Add((m, i));
                rows += length;
            }
        }

        if (rows > 0) Run(examples, open, losses, cancellation);
        return losses;
    }

    /// <inheritdoc/>
    public void Dispose() => _pass?.Dispose();

    private void Run(IReadOnlyList<TokenizedExample> examples, List<(int Mixture, int Example)> open, double[][] losses, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        _batch.Clear();
        for (int w = 0; w < open.Count; w++)
        {
            TokenizedExample example = examples[open[w].Example];
            _batch.AddSequence(example.InputIds, example.Labels, example.Starts, 1);
            if (w + 1 == open.Count || open[w + 1].Mixture != open[w].Mixture) _batch.EndPart(open[w].Mixture, 0, 0);
        }

        var all = new float[_batch.HeadRows.Length];
        if (all.Length > 0)
        {
            TransformerPass pass = Pass(_batch.Rows);
            pass.Forward(_batch);
            pass.Losses(all);
        }

        int offset = 0;
        foreach ((int mixture, int index) in open)
        {
            int count = TokenBatch.CountTargets(examples[index].Labels, examples[index].Starts);
            foreach (float loss in all.AsSpan(offset, count)) losses[mixture][index] += loss;
            offset += count;
        }

        open.Clear();
    }

    private TransformerPass Pass(int rows)
    {
        if (_pass is not null && rows <= _passRows) return _pass;
        _pass?.Dispose();
        _passRows = Math.Max(rows, _maxRows);
        _pass = new TransformerPass(_model, new PassOptions { MaxRows = _passRows, MaxHeadRows = _passRows }, _use);
        return _pass;
    }
}
