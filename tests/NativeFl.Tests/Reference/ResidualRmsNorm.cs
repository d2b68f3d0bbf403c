namespace NativeFl.Tests.Reference;

/// <summary>xOut = x + delta, y = xOut rstd w, and x · xOut, |x|², |xOut|² per row. Plain loops in double.</summary>
internal static class ResidualRmsNorm
{
    public static (double[] XOut, double[] Y, double[] Rstd, double[] Products) Forward(double[] x, double[] delta, double[] w, double epsilon)
    {
        int columns = w.Length, rows = x.Length / columns;
        double[] xOut = [.. x.Zip(delta, (a, b) => a + b)], products = new double[3 * rows];
        for (int i = 0; i < x.Length; i++)
        {
            int n = i / columns;
            products[3 * n] += x[i] * xOut[i];
            products[(3 * n) + 1] += x[i] * x[i];
            products[(3 * n) + 2] += xOut[i] * xOut[i];
        }

        (double[] y, double[] rstd) = RmsNorm.Forward(xOut, w, epsilon);
        return (xOut, y, rstd, products);
    }
}
