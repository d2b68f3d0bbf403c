using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// What folding a stack costs: ‖(D′ − D) − ΔW‖_F / ‖ΔW‖_F, all in double, where D lay beside the base before the round, D′ lies there after
/// it, and ΔW is what the round added. Zero where the round's rows were only appended.
/// </summary>
internal static class FoldRounding
{
    /// <summary>Measures, row by row.</summary>
    public static double Of(AdapterWeights? before, AdapterWeights after, AdapterWeights added)
    {
        if (!added.Modules.Any(m => IsFolded(before, after, m.Key, m.Value))) return 0;
        double error = 0, norm = 0;
        foreach ((ModuleId module, LoraFactors now) in added.Modules)
        {
            LoraFactors? old = before?.Modules.GetValueOrDefault(module);
            LoraFactors? stored = IsFolded(before, after, module, now) ? after.Modules[module] : null;
            var errors = new double[now.OutFeatures];
            var norms = new double[now.OutFeatures];
            Parallel.For(0, now.OutFeatures, row =>
            {
                var delta = new double[now.InFeatures];
                Add(1, now, row, delta);
                norms[row] = delta.Sum(x => x * x);
                if (stored is null) return;
                if (old is not null) Add(1, old, row, delta);
                Add(-1, stored, row, delta);
                errors[row] = delta.Sum(x => x * x);
            });
            error += errors.Sum();
            norm += norms.Sum();
        }

        return error == 0 ? 0 : Math.Sqrt(error / norm);
    }

    private static bool IsFolded(AdapterWeights? before, AdapterWeights after, ModuleId module, LoraFactors now) =>
        after.Modules[module].Rank != now.Rank + (before?.Modules.GetValueOrDefault(module)?.Rank ?? 0);

    /// <summary>sums += sign · s · row of BᵀA.</summary>
    private static void Add(double sign, LoraFactors factors, int row, double[] sums)
    {
        for (int r = 0; r < factors.Rank; r++)
        {
            double scale = sign * factors.Scaling * factors.B[(r * factors.OutFeatures) + row];
            if (scale == 0) continue;
            ReadOnlySpan<float> values = factors.A.AsSpan(r * factors.InFeatures, factors.InFeatures);
            for (int i = 0; i < values.Length; i++) sums[i] += scale * values[i];
        }
    }
}
