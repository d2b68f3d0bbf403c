namespace NativeFl.Tests.Reference;

/// <summary>c = op(a) op(b) in double, with Σ|terms| of every element beside it.</summary>
internal static class MatMul
{
    public static (double[] Value, double[] Magnitude) Multiply(
        double[] a, bool transposeA, double[] b, bool transposeB, int m, int n, int k)
    {
        double[] value = new double[m * n];
        double[] magnitude = new double[m * n];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                for (int l = 0; l < k; l++)
                {
                    double term = a[transposeA ? (l * m) + i : (i * k) + l] * b[transposeB ? (j * k) + l : (l * n) + j];
                    value[(i * n) + j] += term;
                    magnitude[(i * n) + j] += Math.Abs(term);
                }
            }
        }
        return (value, magnitude);
    }
}
