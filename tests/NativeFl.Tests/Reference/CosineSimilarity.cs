namespace NativeFl.Tests.Reference;

/// <summary>x · y, |x|², |y|² per row, what their cosine is made of. Plain loops in double.</summary>
internal static class CosineSimilarity
{
    public static double[] Products(double[] x, double[] y, int columns)
    {
        double[] products = new double[x.Length / columns * 3];
        for (int i = 0; i < x.Length; i++)
        {
            int n = i / columns;
            products[3 * n] += x[i] * y[i];
            products[(3 * n) + 1] += x[i] * x[i];
            products[(3 * n) + 2] += y[i] * y[i];
        }

        return products;
    }
}
