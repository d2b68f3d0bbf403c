using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>As many random records of every cluster, as far as they reach: one of each in turn, in an order drawn anew every time.</summary>
public sealed class BalancedSelection : IRecordSelection
{
    /// <inheritdoc/>
    public IReadOnlyList<int> Select(RecordPool pool, int count, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(pool);
        pool.Check(count);
        var remaining = new RemainingRecords(pool, new Philox(seed));
        var chosen = new List<int>(count);
        while (chosen.Count < count) chosen.AddRange(remaining.DrawOrder().Take(count - chosen.Count).Select(remaining.Take));
        return chosen;
    }
}
