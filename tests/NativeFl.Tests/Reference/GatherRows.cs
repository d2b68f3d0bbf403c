namespace NativeFl.Tests.Reference;

/// <summary>y[i] = x[rows[i]], and its opposite y[rows[i]] = x[i]. Plain loops in double.</summary>
internal static class GatherRows
{
    public static double[] Gather(double[] x, int columns, int[] rows)
    {
        double[] y = new double[rows.Length * columns];
        for (int i = 0; i < y.Length; i++) y[i] = x[(rows[i / columns] * columns) + (i % columns)];
        return y;
    }

    public static double[] Scatter(double[] x, int columns, int[] rows, double[] y)
    {
        double[] result = [.. y];
        for (int i = 0; i < x.Length; i++) result[(rows[i / columns] * columns) + (i % columns)] = x[i];
        return result;
    }
}
