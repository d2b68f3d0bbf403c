using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// QWCS (SHED, arXiv:2405.00705, section 3.3): again and again a cluster with probability ∝ exp(f z), of those that have records left, and one of
/// them at random. z is the standardised value, so that f means the same whatever the scale of v; f = 0 is uniform over clusters. A cluster whose
/// value nobody could tell counts as average.
/// </summary>
/// <param name="values">By cluster; NaN where nothing could be told.</param>
/// <param name="factor">f.</param>
public sealed class QualityWeightedClusterSampling(IReadOnlyList<double> values, double factor) : IRecordSelection
{
    /// <inheritdoc/>
    public IReadOnlyList<int> Select(RecordPool pool, int count, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(pool);
        pool.Check(count);
        pool.RequireOneEach(values.Count);
        double[] exponents = [.. ClusterValues.Standardise(values).Select(z => factor * z)];
        var remaining = new RemainingRecords(pool, new Philox(seed));
        double[] weights = Weights(exponents, remaining);
        var chosen = new List<int>(count);
        while (chosen.Count < count)
        {
            int cluster = remaining.DrawCluster(weights);
            chosen.Add(remaining.Take(cluster));
            if (remaining.IsEmpty(cluster) && chosen.Count < count) weights = Weights(exponents, remaining);
        }

        return chosen;
    }

    /// <summary>exp(f z) relative to the largest that is left, so that however unlikely clusters are drawn when they are all there is.</summary>
    private static double[] Weights(double[] exponents, RemainingRecords remaining)
    {
        double largest = exponents.Where((_, k) => !remaining.IsEmpty(k)).Max();
        return [.. exponents.Select((exponent, k) => remaining.IsEmpty(k) ? 0 : Math.Exp(exponent - largest))];
    }
}
