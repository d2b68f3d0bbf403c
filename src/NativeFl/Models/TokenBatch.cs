using System.Runtime.InteropServices;
using NativeFl.Data;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>Token rows of one adapter in a batch.</summary>
/// <param name="Adapter">Its index in the stack.</param>
/// <param name="RowStart">The first token row.</param>
/// <param name="RowCount">Token rows.</param>
/// <param name="Seed">Keys dropout.</param>
/// <param name="Step">The client's own micro-step, for dropout.</param>
internal readonly record struct BatchPart(int Adapter, int RowStart, int RowCount, ulong Seed, int Step);

/// <summary>
/// Token rows on the host, without padding: sequences lie one after another, sorted by adapter, and see only themselves. Targets are
/// already shifted: row n predicts the token after it.
/// </summary>
internal sealed class TokenBatch
{
    private readonly List<int> _tokens = [];
    private readonly List<int> _positions = [];
    private readonly List<AttentionSpan> _spans = [];
    private readonly List<BatchPart> _parts = [];
    private readonly List<int> _headRows = [];
    private readonly List<int> _targets = [];
    private readonly List<float> _targetWeights = [];
    private readonly List<int> _cacheRows = [];

    /// <summary>N.</summary>
    public int Rows => _tokens.Count;

    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    public ReadOnlySpan<int> Positions => CollectionsMarshal.AsSpan(_positions);

    public ReadOnlySpan<AttentionSpan> Spans => CollectionsMarshal.AsSpan(_spans);

    /// <summary>Where each row's key and value go in the cache; empty without a cache.</summary>
    public ReadOnlySpan<int> CacheRows => CollectionsMarshal.AsSpan(_cacheRows);

    /// <summary>By adapter, contiguous rows; empty when every row uses the same weighted stack.</summary>
    public IReadOnlyList<BatchPart> Parts => _parts;

    /// <summary>Rows whose prediction counts, ascending.</summary>
    public ReadOnlySpan<int> HeadRows => CollectionsMarshal.AsSpan(_headRows);

    public ReadOnlySpan<int> Targets => CollectionsMarshal.AsSpan(_targets);

    /// <summary>dLoss/d(−log p) of each head row: one over the counted tokens of its adapter's optimiser step.</summary>
    public ReadOnlySpan<float> TargetWeights => CollectionsMarshal.AsSpan(_targetWeights);

    public void Clear()
    {
        _tokens.Clear();
        _positions.Clear();
        _spans.Clear();
        _parts.Clear();
        _headRows.Clear();
        _targets.Clear();
        _targetWeights.Clear();
        _cacheRows.Clear();
    }

    /// <summary>How many predictions of a sequence count: labels after the first that are not −100, within each document.</summary>
    public static int CountTargets(ReadOnlySpan<int> labels, IReadOnlyList<int> starts)
    {
        int count = 0;
        for (int d = 0; d < starts.Count; d++)
        {
            int end = d + 1 < starts.Count ? starts[d + 1] : labels.Length;
            for (int i = starts[d] + 1; i < end; i++) count += labels[i] >= 0 ? 1 : 0;
        }

        return count;
    }

    /// <summary>
    /// Begins anew with the examples from <paramref name="first"/> on, as many as fit into <paramref name="rows"/> and one at least; returns the
    /// one behind them.
    /// </summary>
    /// <param name="examples">Sequences.</param>
    /// <param name="first">The first of them.</param>
    /// <param name="rows">Token rows.</param>
    /// <param name="counts">Whether the predictions of their labels are wanted.</param>
    public int Take(IReadOnlyList<TokenizedExample> examples, int first, int rows, bool counts)
    {
        Clear();
        int end = first;
        do
        {
            TokenizedExample example = examples[end++];
            if (example.InputIds.Length > 0) AddSequence(example.InputIds, counts ? example.Labels : default, example.Starts, 1);
        }
        while (end < examples.Count && Rows + examples[end].InputIds.Length <= rows);
        return end;
    }

    /// <summary>Appends a sequence of one or more documents; <paramref name="weight"/> is the weight of each counted prediction.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="labels">As in Transformers, not shifted, −100 = not counted; empty: nothing counts.</param>
    /// <param name="starts">Where each document begins.</param>
    /// <param name="weight">Of every counted prediction.</param>
    public void AddSequence(ReadOnlySpan<int> ids, ReadOnlySpan<int> labels, IReadOnlyList<int> starts, float weight)
    {
        int row = Rows;
        for (int d = 0; d < starts.Count; d++)
        {
            int start = starts[d], end = d + 1 < starts.Count ? starts[d + 1] : ids.Length;
            _spans.Add(AttentionSpan.Whole(row + start, end - start));
            for (int i = start; i < end; i++)
            {
                _tokens.Add(ids[i]);
                _positions.Add(i - start);
                if (labels.IsEmpty || i + 1 >= end || labels[i + 1] < 0) continue;
                AddTarget(row + i, labels[i + 1], weight);
            }
        }
    }

    /// <summary>Appends new tokens of a sequence whose earlier keys lie in a cache.</summary>
    /// <param name="ids">New tokens.</param>
    /// <param name="position">The position of the first of them.</param>
    /// <param name="cacheStart">The cache row of position 0.</param>
    public void AddCached(ReadOnlySpan<int> ids, int position, int cacheStart)
    {
        _spans.Add(new AttentionSpan(Rows, ids.Length, cacheStart, position + ids.Length));
        for (int i = 0; i < ids.Length; i++)
        {
            _tokens.Add(ids[i]);
            _positions.Add(position + i);
            _cacheRows.Add(cacheStart + position + i);
        }
    }

    /// <summary>Marks a row whose prediction is wanted.</summary>
    public void AddTarget(int row, int target, float weight)
    {
        _headRows.Add(row);
        _targets.Add(target);
        _targetWeights.Add(weight);
    }

    /// <summary>Declares that the rows since the last part belong to an adapter.</summary>
    public void EndPart(int adapter, ulong seed, int step)
    {
        int start = _parts.Count == 0 ? 0 : _parts[^1].RowStart + _parts[^1].RowCount;
        _parts.Add(new BatchPart(adapter, start, Rows - start, seed, step));
    }
}
