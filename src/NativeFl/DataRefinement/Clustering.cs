namespace NativeFl.DataRefinement;

/// <summary>Records put into clusters, by place in the data: which one each is in, and which record stands for each.</summary>
public sealed class Clustering
{
    private Clustering(int[] labels, int[] proxies, double inertia)
    {
        (Labels, Proxies, Inertia) = (labels, proxies, inertia);
    }

    /// <summary>By record, its cluster. Clusters are numbered by their first record, whatever the method, and none is empty.</summary>
    public IReadOnlyList<int> Labels { get; }

    /// <summary>By cluster, the record nearest its mean; the first of several.</summary>
    public IReadOnlyList<int> Proxies { get; }

    /// <summary>Σ over records of the squared distance to their cluster's mean, in double.</summary>
    public double Inertia { get; }

    /// <summary>Clusters.</summary>
    public int Count => Proxies.Count;

    /// <summary>Numbers clusters, and finds their means and proxies.</summary>
    /// <param name="embeddings">One vector a record.</param>
    /// <param name="labels">By record, any number that its cluster has.</param>
    internal static Clustering Of(Embeddings embeddings, IReadOnlyList<int> labels)
    {
        var numbers = new Dictionary<int, int>();
        int[] own = [.. labels.Select(label => numbers.TryGetValue(label, out int number) ? number : numbers[label] = numbers.Count)];
        double[][] means = Means(embeddings, own, numbers.Count);
        var proxies = new int[means.Length];
        var nearest = new double[means.Length];
        Array.Fill(nearest, double.PositiveInfinity);
        double inertia = 0;
        for (int n = 0; n < own.Length; n++)
        {
            double distance = SquaredDistance(embeddings[n], means[own[n]]);
            inertia += distance;
            if (distance < nearest[own[n]]) (nearest[own[n]], proxies[own[n]]) = (distance, n);
        }

        return new Clustering(own, proxies, inertia);
    }

    private static double[][] Means(Embeddings embeddings, int[] labels, int count)
    {
        double[][] means = [.. Enumerable.Range(0, count).Select(_ => new double[embeddings.Width])];
        var sizes = new int[count];
        for (int n = 0; n < labels.Length; n++)
        {
            double[] mean = means[labels[n]];
            ReadOnlySpan<float> row = embeddings[n];
            for (int c = 0; c < row.Length; c++) mean[c] += row[c];
            sizes[labels[n]]++;
        }

        for (int k = 0; k < count; k++)
        {
            for (int c = 0; c < means[k].Length; c++) means[k][c] /= sizes[k];
        }

        return means;
    }

    private static double SquaredDistance(ReadOnlySpan<float> x, double[] mean)
    {
        double sum = 0;
        for (int c = 0; c < mean.Length; c++) sum += (x[c] - mean[c]) * (x[c] - mean[c]);
        return sum;
    }
}
