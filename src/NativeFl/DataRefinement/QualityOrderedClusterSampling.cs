namespace NativeFl.DataRefinement;

/// <summary>
/// QOCS (SHED, arXiv:2405.00705, section 3.3): whole clusters in descending value, the first of several that are equal, until there are enough
/// records; of the last one its first records. A cluster whose value nobody could tell counts as average.
/// </summary>
/// <param name="values">By cluster; NaN where nothing could be told.</param>
public sealed class QualityOrderedClusterSampling(IReadOnlyList<double> values) : IRecordSelection
{
    /// <inheritdoc/>
    public IReadOnlyList<int> Select(RecordPool pool, int count, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(pool);
        pool.Check(count);
        pool.RequireOneEach(values.Count);
        double[] standard = ClusterValues.Standardise(values);
        return [.. Enumerable.Range(0, pool.Clusters.Count).OrderByDescending(k => standard[k]).SelectMany(k => pool.Clusters[k]).Take(count)];
    }
}
