using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// The singular value decomposition of ΔW = s Bᵀ A without ever forming ΔW: Bᵀ = Q_B R_B and Aᵀ = Q_A R_A (thin QR), the small core
/// s R_B R_Aᵀ = U diag(σ) Vᵀ, and so ΔW = (Q_B U) diag(σ) (Q_A V)ᵀ. All in double, O(R² (in + out) + R³). A stack of more rows than ΔW can have
/// rank is folded first.
/// </summary>
internal sealed class StackSpectrum
{
    // Below this share of σ₁ a direction is rounding.
    private const double Zero = 1e-12;

    private readonly LoraFactors _shape;
    private readonly ThinQr _out, _in;
    private readonly JacobiSvd _core;

    /// <param name="stack">The factors.</param>
    public StackSpectrum(LoraFactors stack)
    {
        LoraFactors factors = FoldedFactors.IsLarger(stack) ? FoldedFactors.Fold(stack) : stack;
        int rank = factors.Rank;
        _shape = factors;
        _out = new ThinQr(factors.B, rank, factors.OutFeatures);
        _in = new ThinQr(factors.A, rank, factors.InFeatures);
        var core = new double[rank * rank];
        for (int i = 0; i < rank; i++)
        {
            for (int j = 0; j < rank; j++)
            {
                double sum = 0;
                for (int k = Math.Max(i, j); k < rank; k++) sum += _out.R[(i * rank) + k] * _in.R[(j * rank) + k];
                core[(i * rank) + j] = factors.Scaling * sum;
            }
        }

        _core = new JacobiSvd(core, rank);
    }

    /// <summary>σ₁ ≥ σ₂ ≥ …, min(R, in, out) of them.</summary>
    public IReadOnlyList<double> SingularValues => _core.SingularValues;

    /// <summary>The spectra of all modules, side by side.</summary>
    public static AdapterWeights Map(Contributions clients, Func<ModuleId, StackSpectrum, LoraFactors> make)
    {
        ModuleId[] modules = [.. clients.Modules];
        var results = new LoraFactors[modules.Length];
        Parallel.For(0, modules.Length, i => results[i] = make(modules[i], new StackSpectrum(StackedFactors.Of(clients[modules[i]]))));
        return new AdapterWeights(new SortedDictionary<ModuleId, LoraFactors>(modules.Zip(results).ToDictionary(p => p.First, p => p.Second)));
    }

    /// <summary>The fewest leading singular values whose squares are this share of the sum of all squares; at least 1.</summary>
    public int RankFor(double energy)
    {
        double wanted = energy * SingularValues.Sum(s => s * s), sum = 0;
        int rank = 0;
        while (rank < SingularValues.Count && (rank == 0 || sum < wanted)) sum += SingularValues[rank] * SingularValues[rank++];
        // The sum of all, in another order of rounding, may fall short of itself.
        return energy >= 1 ? SingularValues.Count(s => s > Zero * SingularValues[0]) is var all and > 0 ? all : 1 : rank;
    }

    /// <summary>
    /// The best approximation of this rank (Eckart and Young), strongest direction first, as factors of scaling 1: B = √σ u, A = √σ v. A
    /// direction of no strength gets B = 0 and a unit row in A, for two zero rows would never learn.
    /// </summary>
    public LoraFactors Truncated(int rank)
    {
        rank = Math.Min(rank, SingularValues.Count);
        (int outFeatures, int inFeatures) = (_shape.OutFeatures, _shape.InFeatures);
        var a = new float[checked(rank * inFeatures)];
        var b = new float[checked(rank * outFeatures)];
        double[] row = new double[Math.Max(inFeatures, outFeatures)];
        for (int i = 0; i < rank; i++)
        {
            bool isZero = SingularValues[i] <= Zero * SingularValues[0];
            double root = Math.Sqrt(SingularValues[i]);
            Put(_in, _core.Right[i], isZero ? 1 : root, row.AsSpan(0, inFeatures), a.AsSpan(i * inFeatures, inFeatures));
            if (!isZero) Put(_out, _core.Left[i], root, row.AsSpan(0, outFeatures), b.AsSpan(i * outFeatures, outFeatures));
        }

        return new LoraFactors(rank, outFeatures, inFeatures, 1, a, b);
    }

    private static void Put(ThinQr basis, double[] coefficients, double scale, Span<double> row, Span<float> result)
    {
        basis.Expand(coefficients, row);
        for (int i = 0; i < row.Length; i++) result[i] = (float)(scale * row[i]);
    }
}
