using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// A stack of more rows than its product has rank, written as ΔW itself: in ≤ out: A = I (in, in), B = ΔWᵀ (in, out); else A = ΔW (out, in),
/// B = I (out, out). No decomposition, one rounding.
/// </summary>
internal static class FoldedFactors
{
    /// <summary>Folds the modules for which R &gt; min(in, out).</summary>
    public static AdapterWeights WhereSmaller(AdapterWeights adapter)
    {
        if (!adapter.Modules.Values.Any(IsLarger)) return adapter;
        var modules = adapter.Modules.ToDictionary(m => m.Key, m => IsLarger(m.Value) ? Fold(m.Value) : m.Value);
        return new AdapterWeights(new SortedDictionary<ModuleId, LoraFactors>(modules));
    }

    /// <summary>Whether the fold has fewer rows.</summary>
    public static bool IsLarger(LoraFactors factors) => factors.Rank > Math.Min(factors.InFeatures, factors.OutFeatures);

    /// <summary>ΔW = s Bᵀ A as a factor pair of rank min(in, out), summed in double.</summary>
    public static LoraFactors Fold(LoraFactors factors)
    {
        // rows: the factor whose columns become the rows of the dense one; ΔWᵀ = (s A)ᵀ B or ΔW = (s B)ᵀ A.
        bool identityIsA = factors.InFeatures <= factors.OutFeatures;
        int rank = Math.Min(factors.InFeatures, factors.OutFeatures);
        (float[] rows, float[] columns, int width) = identityIsA
            ? (factors.A, factors.B, factors.OutFeatures)
            : (factors.B, factors.A, factors.InFeatures);
        var dense = new float[checked(rank * width)];
        Parallel.For(0, rank, () => new double[width], (i, _, sums) =>
        {
            Array.Clear(sums);
            for (int r = 0; r < factors.Rank; r++)
            {
                double scale = (double)factors.Scaling * rows[(r * rank) + i];
                ReadOnlySpan<float> values = columns.AsSpan(r * width, width);
                for (int j = 0; j < width; j++) sums[j] += scale * values[j];
            }

            for (int j = 0; j < width; j++) dense[(i * width) + j] = (float)sums[j];
            return sums;
        }, _ => { });
        var identity = new float[checked(rank * rank)];
        for (int i = 0; i < rank; i++) identity[(i * rank) + i] = 1;
        return identityIsA
            ? new LoraFactors(rank, factors.OutFeatures, factors.InFeatures, 1, identity, dense)
            : new LoraFactors(rank, factors.OutFeatures, factors.InFeatures, 1, dense, identity);
    }
}
