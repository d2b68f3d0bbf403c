namespace NativeFl.Evaluation;

/// <summary>
/// A mean over tokens that come in examples. Tokens of one example are alike, so the example is the unit that was sampled: with S_i the
/// sum and T_i the count of example i, the mean is m = Σ S_i / Σ T_i and its standard error that of a ratio (Cochran, Sampling
/// Techniques, 3rd ed., chapter 6): √(n / (n − 1) · Σ (S_i − m T_i)²) / Σ T_i.
/// </summary>
public readonly record struct ClusteredMean
{
    /// <summary>Sums up, in double and in the order of the examples.</summary>
    /// <param name="values">By example, one value a token; examples without a token do not count.</param>
    public ClusteredMean(IEnumerable<IReadOnlyList<float>> values)
        : this(Sums(values))
    {
    }

    /// <summary>Sums and counts that are already taken, by example.</summary>
    public ClusteredMean(IEnumerable<(double Sum, int Count)> sums)
    {
        ArgumentNullException.ThrowIfNull(sums);
        (double Sum, int Count)[] clusters = [.. sums.Where(s => s.Count > 0)];
        Clusters = clusters.Length;
        Count = clusters.Sum(c => (long)c.Count);
        Mean = Count == 0 ? 0 : clusters.Sum(c => c.Sum) / Count;
        if (Clusters < 2) return;
        double mean = Mean, squares = clusters.Sum(c => (c.Sum - (mean * c.Count)) * (c.Sum - (mean * c.Count)));
        StandardError = Math.Sqrt(squares * Clusters / (Clusters - 1)) / Count;
    }

    /// <summary>m; 0 without a value.</summary>
    public double Mean { get; }

    /// <summary>Values.</summary>
    public long Count { get; }

    /// <summary>Examples that have values.</summary>
    public int Clusters { get; }

    /// <summary>The standard error of the mean; null with fewer than two examples.</summary>
    public double? StandardError { get; }

    private static IEnumerable<(double Sum, int Count)> Sums(IEnumerable<IReadOnlyList<float>> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.Select(v => (v.Sum(x => (double)x), v.Count));
    }
}
