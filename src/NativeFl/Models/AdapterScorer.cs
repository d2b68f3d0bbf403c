using NativeFl.Data;
using NativeFl.Finetuning;

namespace NativeFl.Models;

/// <summary>
/// The losses of examples under every adapter of a stack, side by side: the base's products are shared, each row goes through its own
/// adapter. An adapter's losses are those that it has alone.
/// </summary>
public sealed class AdapterScorer : IDisposable
{
    private readonly AdapterStack _adapters;
    private readonly int _maxRows;
    private readonly TransformerPass _pass;
    private readonly TokenBatch _batch = new();

    /// <summary>Makes a scorer.</summary>
    /// <param name="model">The base.</param>
    /// <param name="adapters">The adapters.</param>
    /// <param name="longest">Tokens of the longest example.</param>
    /// <param name="maxRows">Token rows of a pass; a longer example gets a pass of its own length.</param>
    public AdapterScorer(Transformer model, AdapterStack adapters, int longest, int maxRows = 2048)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(adapters);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRows);
        (_adapters, _maxRows) = (adapters, Math.Max(longest, maxRows));
        var use = new StackUse(adapters, weights: null, trains: false);
        _pass = new TransformerPass(model, new PassOptions { MaxRows = _maxRows, MaxHeadRows = _maxRows }, use);
    }

    /// <summary>By adapter and example, −log p of every counted token, in order.</summary>
    /// <exception cref="ArgumentException">An example is longer than planned for.</exception>
    public float[][][] Losses(IReadOnlyList<TokenizedExample> examples, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var losses = new float[_adapters.Count][][];
        for (int k = 0; k < losses.Length; k++) losses[k] = new float[examples.Count][];

        // All adapters of an example before the next example, but in a batch the rows of an adapter lie together.
        var open = new List<(int Adapter, int Example)>();
        int rows = 0;
        for (int i = 0; i < examples.Count; i++)
        {
            int length = examples[i].InputIds.Length;
            if (length > _maxRows) throw new ArgumentException($"example {examples[i].Id} has {length} tokens, planned for {_maxRows}", nameof(examples));
            for (int k = 0; k < losses.Length; k++)
            {
                if (rows + length > _maxRows) Run(examples, open, losses, ref rows, cancellation);
                open.Add((k, i));
                rows += length;
            }
        }

        Run(examples, open, losses, ref rows, cancellation);
        return losses;
    }

    /// <inheritdoc/>
    public void Dispose() => _pass.Dispose();

    private void Run(IReadOnlyList<TokenizedExample> examples, List<(int Adapter, int Example)> open, float[][][] losses, ref int rows, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        _batch.Clear();
        (int Adapter, int Example)[] order = [.. open.OrderBy(work => work.Adapter).ThenBy(work => work.Example)];
        for (int w = 0; w < order.Length; w++)
        {
            TokenizedExample example = examples[order[w].Example];
            _batch.AddSequence(example.InputIds, example.Labels, example.Starts, 1);
            if (w + 1 == order.Length || order[w + 1].Adapter != order[w].Adapter) _batch.EndPart(order[w].Adapter, 0, 0);
        }

        var all = new float[_batch.HeadRows.Length];
        if (all.Length > 0)
        {
            _pass.Forward(_batch);
            _pass.Losses(all);
        }

        int offset = 0;
        foreach ((int adapter, int index) in order)
        {
            int count = TokenBatch.CountTargets(examples[index].Labels, examples[index].Starts);
            losses[adapter][index] = all[offset..(offset + count)];
            offset += count;
        }

        open.Clear();
        rows = 0;
    }
}
