using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// Ā = Σ p_k A_k and B̄ = Σ p_k (s_k / s) B_k, each rank row on its own, summed in double. Clients of smaller rank count as padded with zero
/// rows. s is the scaling of the first client; s_k / s is 1 where all agree.
/// </summary>
internal static class FactorAverage
{
    /// <summary>The average at the largest rank among the clients.</summary>
    public static LoraFactors Of(IReadOnlyList<WeightedFactors> parts)
    {
        LoraFactors first = parts[0].Factors;
        int rank = parts.Max(p => p.Factors.Rank);
        var a = new double[checked(rank * first.InFeatures)];
        var b = new double[checked(rank * first.OutFeatures)];
        foreach ((double weight, LoraFactors factors) in parts)
        {
            Accumulate(weight, factors.A, a);
            Accumulate(weight * factors.Scaling / first.Scaling, factors.B, b);
        }

        return first with { Rank = rank, A = Round(a), B = Round(b) };
    }

    /// <summary>
    /// The first rows of a server's adapter for a client of its own rank and scaling: B is rescaled so that the product stays. Where the
    /// ranks and scalings agree it is the adapter itself.
    /// </summary>
    public static LoraFactors Cut(LoraFactors factors, int rank, float scaling)
    {
        int kept = Math.Min(rank, factors.Rank);
        double scale = (double)factors.Scaling / scaling;
        var b = new float[kept * factors.OutFeatures];
        for (int i = 0; i < b.Length; i++) b[i] = (float)(scale * factors.B[i]);
        return new LoraFactors(kept, factors.OutFeatures, factors.InFeatures, scaling, factors.A[..(kept * factors.InFeatures)], b);
    }

    /// <summary>
    /// A round's average over what the server held: rows that no client of the round has, and modules that none trained, stay. Set to zero
    /// they would be lost for good, since a rank row with A = 0 and B = 0 has no gradient.
    /// </summary>
    public static AdapterWeights Over(AdapterWeights? before, AdapterWeights average)
    {
        if (before is null) return average;
        var modules = new SortedDictionary<ModuleId, LoraFactors>(before.Modules.ToDictionary());
        foreach ((ModuleId module, LoraFactors now) in average.Modules)
        {
            modules[module] = modules.TryGetValue(module, out LoraFactors? old) && old.Rank > now.Rank ? Tail(old, now) : now;
        }

        return new AdapterWeights(modules);
    }

    private static LoraFactors Tail(LoraFactors old, LoraFactors now)
    {
        LoraFactors whole = Cut(old, old.Rank, now.Scaling);
        now.A.CopyTo(whole.A, 0);
        now.B.CopyTo(whole.B, 0);
        return whole;
    }

    private static void Accumulate(double weight, float[] values, double[] sums)
    {
        for (int i = 0; i < values.Length; i++) sums[i] += weight * values[i];
    }

    private static float[] Round(double[] sums) => Array.ConvertAll(sums, x => (float)x);
}
