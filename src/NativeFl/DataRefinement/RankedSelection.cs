namespace NativeFl.DataRefinement;

/// <summary>
/// The records that score highest, the first of several that are equal: by the length of their answers, by perplexity, or by the negative of it.
/// Baselines that need no fine-tuning, and that copied or scrambled records can fool.
/// </summary>
/// <param name="scores">One a record.</param>
public sealed class RankedSelection(IReadOnlyList<double> scores) : IRecordSelection
{
    /// <inheritdoc/>
    public IReadOnlyList<int> Select(RecordPool pool, int count, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(pool);
        pool.Check(count);
        if (scores.Count != pool.Count) throw new ArgumentException($"{scores.Count} scores for {pool.Count} records", nameof(pool));
        return [.. Enumerable.Range(0, scores.Count).OrderByDescending(n => scores[n]).Take(count)];
    }
}
