using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// Factor pairs below each other: B*ᵀ A* = Σ w_i s_i B_iᵀ A_i with A* = [w_1 s_1 A_1; w_2 s_2 A_2; …], B* = [B_1; B_2; …] and scaling 1
/// (FLoRA, arXiv:2409.05976). The weight goes into one factor only: in both it would count squared. The FLoRA code scales A
/// by p_k alone, which is exact only where all s_k are equal; folding s_k in as well makes it exact always.
/// </summary>
internal static class StackedFactors
{
    /// <summary>Stacks what has a weight and a rank.</summary>
    public static LoraFactors Of(IReadOnlyList<WeightedFactors> parts)
    {
        (int outFeatures, int inFeatures) = (parts[0].Factors.OutFeatures, parts[0].Factors.InFeatures);
        int rank = parts.Sum(p => p.Weight == 0 ? 0 : p.Factors.Rank);
        var a = new float[checked(rank * inFeatures)];
        var b = new float[checked(rank * outFeatures)];
        int row = 0;
        foreach ((double weight, LoraFactors factors) in parts)
        {
            if (weight == 0) continue;
            double scale = weight * factors.Scaling;
            Span<float> rows = a.AsSpan(row * inFeatures, factors.Rank * inFeatures);
            for (int i = 0; i < rows.Length; i++) rows[i] = (float)(scale * factors.A[i]);
            factors.B.CopyTo(b, row * outFeatures);
            row += factors.Rank;
        }

        return new LoraFactors(rank, outFeatures, inFeatures, 1, a, b);
    }

    /// <summary>The stack of every module.</summary>
    public static AdapterWeights Of(Contributions clients) => Map(clients, (_, parts) => Of(parts));

    /// <summary>An adapter made module by module.</summary>
    public static AdapterWeights Map(Contributions clients, Func<ModuleId, IReadOnlyList<WeightedFactors>, LoraFactors> make) =>
        new(new SortedDictionary<ModuleId, LoraFactors>(clients.Modules.ToDictionary(m => m, m => make(m, clients[m]))));

    /// <summary>The sum of two adapters as one: modules of both are stacked.</summary>
    public static AdapterWeights Sum(AdapterWeights? first, AdapterWeights second)
    {
        if (first is null) return second;
        var modules = new SortedDictionary<ModuleId, LoraFactors>(first.Modules.ToDictionary());
        foreach ((ModuleId module, LoraFactors factors) in second.Modules)
        {
            modules[module] = modules.TryGetValue(module, out LoraFactors? before)
                ? Of([new WeightedFactors(1, before), new WeightedFactors(1, factors)])
                : factors;
        }

        return new AdapterWeights(modules);
    }

    /// <summary>The same product with scaling 1.</summary>
    public static AdapterWeights Unscaled(AdapterWeights adapter) =>
        new(new SortedDictionary<ModuleId, LoraFactors>(
            adapter.Modules.ToDictionary(m => m.Key, m => Of([new WeightedFactors(1, m.Value)]))));
}
