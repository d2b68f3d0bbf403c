namespace NativeFl.Tensors;

/// <summary>
/// One sequence of a batch for causal attention. Query row i of the span (0-based) sees key rows 0 .. KeyCount − QueryCount + i, so
/// that with a KV cache the new queries see all earlier keys. Rows of different spans never see each other.
/// </summary>
/// <param name="QueryStart">The first row in q and o.</param>
/// <param name="QueryCount">Rows in q and o.</param>
/// <param name="KeyStart">The first row in k and v.</param>
/// <param name="KeyCount">Rows in k and v; at least <paramref name="QueryCount"/>.</param>
public readonly record struct AttentionSpan(int QueryStart, int QueryCount, int KeyStart, int KeyCount)
{
    /// <summary>A whole sequence that attends to itself, as in training.</summary>
    public static AttentionSpan Whole(int start, int count) => new(start, count, start, count);
}
