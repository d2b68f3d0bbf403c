using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>Any records, each as likely as any other: what a method that looks at them must beat.</summary>
public sealed class RandomSelection : IRecordSelection
{
    /// <inheritdoc/>
    public IReadOnlyList<int> Select(RecordPool pool, int count, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(pool);
        pool.Check(count);
        int[] order = [.. Enumerable.Range(0, pool.Count)];
        new Philox(seed).Shuffle(order.AsSpan());
        return order[..count];
    }
}
