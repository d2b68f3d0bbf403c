using NativeFl.Tensors;

namespace NativeFl.Tests.Reference;

/// <summary>The adapter stack in double, one loop a sum.  x (n, inputs), a (R, inputs), b (R, outputs).</summary>
internal sealed class Lora(int inputs, int outputs)
{
    /// <summary>y += scaling · (x Aᵀ) B on every group's rows and ranks.</summary>
    public void Forward(double[] x, double[] a, double[] b, IEnumerable<LoraGroup> groups, double[] y)
    {
        foreach (LoraGroup g in groups)
        {
            for (int n = g.RowStart; n < g.RowStart + g.RowCount; n++)
            {
                for (int r = g.RankStart; r < g.RankStart + g.RankCount; r++)
                {
                    double s = Dot(x, n * inputs, a, r * inputs, inputs);
                    for (int o = 0; o < outputs && g.Scaling != 0; o++) y[(n * outputs) + o] += g.Scaling * s * b[(r * outputs) + o];
                }
            }
        }
    }

    /// <summary>The gradients of Σ dy ∘ y with respect to a, b and x, added to da, db and dx.</summary>
    public void Backward(
        double[] dy, double[] x, double[] a, double[] b, IEnumerable<LoraGroup> groups, double[] da, double[] db, double[] dx)
    {
        foreach (LoraGroup g in groups.Where(g => g.Scaling != 0))
        {
            for (int n = g.RowStart; n < g.RowStart + g.RowCount; n++)
            {
                for (int r = g.RankStart; r < g.RankStart + g.RankCount; r++)
                {
                    double s = Dot(x, n * inputs, a, r * inputs, inputs);
                    double ds = g.Scaling * Dot(dy, n * outputs, b, r * outputs, outputs);
                    for (int o = 0; o < outputs; o++) db[(r * outputs) + o] += g.Scaling * s * dy[(n * outputs) + o];
                    for (int i = 0; i < inputs; i++) da[(r * inputs) + i] += ds * x[(n * inputs) + i];
                    for (int i = 0; i < inputs; i++) dx[(n * inputs) + i] += ds * a[(r * inputs) + i];
                }
            }
        }
    }

    private static double Dot(double[] p, int p0, double[] q, int q0, int count)
    {
        double sum = 0;
        for (int i = 0; i < count; i++) sum += p[p0 + i] * q[q0 + i];
        return sum;
    }
}
