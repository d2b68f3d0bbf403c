using NativeFl.Federation;
using NativeFl.Models;

namespace NativeFl.Tests.Federation;

/// <summary>Adapters for tests, and their products as plain loops in double.</summary>
internal static class Adapters
{
    public static readonly ModuleId Query = new(0, Projection.Query);
    public static readonly ModuleId Down = new(1, Projection.Down);

    public static LoraFactors Factors(int seed, int rank, int outFeatures, int inFeatures, float scaling)
    {
        var random = new Random(seed);
        return new LoraFactors(rank, outFeatures, inFeatures, scaling, Values(random, rank * inFeatures), Values(random, rank * outFeatures));
    }

    public static AdapterWeights One(int seed, int rank, int outFeatures = 9, int inFeatures = 7, float scaling = 2) =>
        Of((Query, Factors(seed, rank, outFeatures, inFeatures, scaling)));

    public static AdapterWeights Two(int seed, int rank, float scaling = 2) =>
        Of((Query, Factors(seed, rank, 9, 7, scaling)), (Down, Factors(seed + 1000, rank, 5, 20, scaling)));

    public static AdapterWeights Of(params (ModuleId Module, LoraFactors Factors)[] modules) =>
        new(new SortedDictionary<ModuleId, LoraFactors>(modules.ToDictionary(m => m.Module, m => m.Factors)));

    public static AdapterWeights Empty { get; } = Of();

    /// <summary>weight · s · BᵀA at every (row, column), added to <paramref name="sum"/>.</summary>
    public static double[,] Add(double[,] sum, double weight, LoraFactors factors)
    {
        for (int o = 0; o < factors.OutFeatures; o++)
        {
            for (int i = 0; i < factors.InFeatures; i++)
            {
                double dot = 0;
                for (int r = 0; r < factors.Rank; r++)
                    dot += (double)factors.B[(r * factors.OutFeatures) + o] * factors.A[(r * factors.InFeatures) + i];
                sum[o, i] += weight * factors.Scaling * dot;
            }
        }

        return sum;
    }

    public static double[,] Dense(LoraFactors factors) => Add(new double[factors.OutFeatures, factors.InFeatures], 1, factors);

    /// <summary>Σ p_k s_k B_kᵀA_k on one module, p_k = weight_k / <paramref name="total"/>; absent and weightless adapters add nothing.</summary>
    public static double[,] WeightedSum(
        ModuleId module, int outFeatures, int inFeatures, IReadOnlyList<AdapterWeights> adapters, IReadOnlyList<double> weights, double total)
    {
        var sum = new double[outFeatures, inFeatures];
        for (int k = 0; k < adapters.Count; k++)
        {
            if (weights[k] > 0 && adapters[k].Modules.TryGetValue(module, out LoraFactors? factors)) Add(sum, weights[k] / total, factors);
        }

        return sum;
    }

    /// <summary>‖x − reference‖ / ‖reference‖ (or ‖x‖ where the reference is zero).</summary>
    public static double Distance(double[,] x, double[,] reference)
    {
        double error = 0, norm = 0;
        foreach ((double a, double b) in x.Cast<double>().Zip(reference.Cast<double>()))
        {
            error += (a - b) * (a - b);
            norm += b * b;
        }

        return norm == 0 ? Math.Sqrt(error) : Math.Sqrt(error / norm);
    }

    public static Aggregation Aggregate(
        IAggregationMethod method, IReadOnlyList<AdapterWeights> adapters, IReadOnlyList<double> weights,
        Renormalization renormalization = Renormalization.None) =>
        method.Aggregate(Contributions.Of(adapters, weights, renormalization), new ServerState());

    private static float[] Values(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)((2 * random.NextDouble()) - 1))];
}
