namespace NativeFl.Tests.Reference;

/// <summary>Numerical gradients: a check of the references' backward that shares nothing with it.</summary>
internal static class FiniteDifference
{
    /// <summary>The gradient of Σ weights ∘ f() with respect to <paramref name="variable"/>, by central differences.</summary>
    public static double[] Gradient(double[] variable, double[] weights, Func<double[]> f, double step = 1e-4)
    {
        double[] gradient = new double[variable.Length];
        for (int i = 0; i < variable.Length; i++)
        {
            double kept = variable[i];
            variable[i] = kept + step;
            double above = Sum(weights, f());
            variable[i] = kept - step;
            double below = Sum(weights, f());
            variable[i] = kept;
            gradient[i] = (above - below) / (2 * step);
        }
        return gradient;
    }

    private static double Sum(double[] weights, double[] values) => weights.Zip(values, (w, v) => w * v).Sum();
}
