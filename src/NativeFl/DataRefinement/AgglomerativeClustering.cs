using System.Numerics.Tensors;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// Ward's hierarchical clustering (Ward, "Hierarchical grouping to optimize an objective function", JASA 58, 1963): every record begins by itself,
/// and of all pairs the two clusters are joined whose union raises the inertia least, by d(i, j) = n_i n_j / (n_i + n_j) ‖c_i − c_j‖². It is the
/// same objective as that of <see cref="KMeans"/>, without a seed and without a start, in O(N²) memory and time.
/// </summary>
/// <remarks>
/// After a join, d(k, i ∪ j) = ((n_k + n_i) d(k, i) + (n_k + n_j) d(k, j) − n_k d(i, j)) / (n_k + n_i + n_j) (Lance and Williams, 1967). Joins are
/// found by chains of nearest neighbours (Murtagh, "A survey of recent advances in hierarchical clustering algorithms", 1983), which Ward's distance
/// allows: no join brings two others closer, so that the joins, sorted by what they cost, are those of the greedy order.
/// </remarks>
public static class AgglomerativeClustering
{
    /// <summary>The most records that it takes: its distances are N (N − 1) / 2 doubles, 256 MiB at this number.</summary>
    public const int MostRecords = 8192;

    /// <summary>Puts records into clusters.</summary>
    /// <param name="embeddings">One vector a record.</param>
    /// <param name="clusters">How many, at most the number of records.</param>
    /// <param name="cancellation">Polled between joins.</param>
    /// <exception cref="InvalidInputException">There are fewer records than clusters, or more than <see cref="MostRecords"/>.</exception>
    public static Clustering Cluster(Embeddings embeddings, int clusters, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(embeddings);
        ClusterCount.Check(embeddings.Count, clusters);
        if (embeddings.Count > MostRecords)
            throw new InvalidInputException("--method agglomerative", $"at most {MostRecords} records (or --method kmeans)", $"{embeddings.Count}");
        int[] parents = [.. Enumerable.Range(0, embeddings.Count)];
        foreach ((int first, int second, _) in Joins(embeddings, cancellation).OrderBy(join => join.Cost).Take(embeddings.Count - clusters))
            parents[Root(parents, second)] = Root(parents, first);
        return Clustering.Of(embeddings, [.. parents.Select((_, n) => Root(parents, n))]);
    }

    /// <summary>All N − 1 joins, each by a record of either side and what it adds to the inertia; not in the order of their costs.</summary>
    internal static IReadOnlyList<(int First, int Second, double Cost)> Joins(Embeddings embeddings, CancellationToken cancellation = default)
    {
        int count = embeddings.Count;
        double[][] distances = Distances(embeddings);
        var sizes = new int[count];
        Array.Fill(sizes, 1);
        var joins = new List<(int, int, double)>(count);
        var chain = new List<int>();
        while (joins.Count < count - 1)
        {
            cancellation.ThrowIfCancellationRequested();
            if (chain.Count == 0) chain.Add(Array.FindIndex(sizes, size => size > 0));
            int last = chain[^1], before = chain.Count > 1 ? chain[^2] : -1;
            int nearest = Nearest(distances, sizes, last, before);
            if (nearest != before)
            {
                chain.Add(nearest);
                continue;
            }

            chain.RemoveRange(chain.Count - 2, 2);
            joins.Add((before, last, Distance(distances, before, last)));
            Join(distances, sizes, before, last);
        }

        return joins;
    }

    /// <summary>d(i, j) of single records, by i and all j below it.</summary>
    private static double[][] Distances(Embeddings embeddings)
    {
        double[][] rows = [.. Enumerable.Range(0, embeddings.Count).Select(n => Array.ConvertAll(embeddings[n].ToArray(), value => (double)value))];
        var distances = new double[rows.Length][];
        Parallel.For(0, rows.Length, i =>
        {
            distances[i] = new double[i];
            for (int j = 0; j < i; j++)
            {
                double distance = TensorPrimitives.Distance<double>(rows[i], rows[j]);
                distances[i][j] = distance * distance / 2;
            }
        });
        return distances;
    }

    private static ref double Distance(double[][] distances, int i, int j) => ref (i > j ? ref distances[i][j] : ref distances[j][i]);

    /// <summary>The cluster nearest to one: of several the one that the chain came from, else the first.</summary>
    private static int Nearest(double[][] distances, int[] sizes, int cluster, int before)
    {
        int nearest = before;
        double least = before < 0 ? double.PositiveInfinity : Distance(distances, cluster, before);
        for (int k = 0; k < sizes.Length; k++)
        {
            if (k == cluster || sizes[k] == 0) continue;
            double distance = Distance(distances, cluster, k);
            if (distance < least) (nearest, least) = (k, distance);
        }

        return nearest;
    }

    /// <summary>Makes i the union of i and j; of j nothing is left.</summary>
    private static void Join(double[][] distances, int[] sizes, int i, int j)
    {
        double between = Distance(distances, i, j);
        for (int k = 0; k < sizes.Length; k++)
        {
            if (k == i || k == j || sizes[k] == 0) continue;
            double ni = sizes[i], nj = sizes[j], nk = sizes[k];
            ref double distance = ref Distance(distances, k, i);
            distance = (((nk + ni) * distance) + ((nk + nj) * Distance(distances, k, j)) - (nk * between)) / (nk + ni + nj);
        }

        (sizes[i], sizes[j]) = (sizes[i] + sizes[j], 0);
    }

    private static int Root(int[] parents, int record)
    {
        while (parents[record] != record) record = parents[record] = parents[parents[record]];
        return record;
    }
}
