namespace NativeFl.Tests.Reference;

/// <summary>Lloyd's two halves: squared distances of all rows to all centres, and means of the rows of a cluster. Plain loops in double.</summary>
internal static class KMeans
{
    /// <summary>(N, K).</summary>
    public static double[,] Distances(double[] x, double[] centres, int columns)
    {
        var distances = new double[x.Length / columns, centres.Length / columns];
        for (int n = 0; n < distances.GetLength(0); n++)
        {
            for (int k = 0; k < distances.GetLength(1); k++)
            {
                for (int c = 0; c < columns; c++) distances[n, k] += Math.Pow(x[(n * columns) + c] - centres[(k * columns) + c], 2);
            }
        }

        return distances;
    }

    /// <summary>Means of the rows of every cluster, and how many they are; a centre without rows stays.</summary>
    public static (double[] Centres, int[] Sizes) Update(double[] x, int[] nearest, double[] centres, int columns)
    {
        double[] means = [.. centres];
        var sizes = new int[centres.Length / columns];
        for (int k = 0; k < sizes.Length; k++)
        {
            int[] rows = [.. Enumerable.Range(0, nearest.Length).Where(n => nearest[n] == k)];
            sizes[k] = rows.Length;
            for (int c = 0; c < columns && rows.Length > 0; c++) means[(k * columns) + c] = rows.Average(n => x[(n * columns) + c]);
        }

        return (means, sizes);
    }
}
