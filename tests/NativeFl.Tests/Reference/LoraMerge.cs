using NativeFl.Tensors;

namespace NativeFl.Tests.Reference;

/// <summary>W + Σ scaling · Bᵀ A in double.  w (outputs, inputs), a (R, inputs), b (R, outputs).</summary>
internal static class LoraMerge
{
    public static double[] Merge(double[] w, double[] a, double[] b, IEnumerable<LoraGroup> groups, int outputs, int inputs)
    {
        double[] merged = [.. w];
        foreach (LoraGroup g in groups.Where(g => g.Scaling != 0))
        {
            for (int r = g.RankStart; r < g.RankStart + g.RankCount; r++)
            {
                for (int o = 0; o < outputs; o++)
                {
                    for (int i = 0; i < inputs; i++) merged[(o * inputs) + i] += g.Scaling * b[(r * outputs) + o] * a[(r * inputs) + i];
                }
            }
        }
        return merged;
    }
}
