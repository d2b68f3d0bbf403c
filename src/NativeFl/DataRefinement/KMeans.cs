using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// k-means on the backend: Lloyd's iterations from the start of Arthur and Vassilvitskii ("k-means++: the advantages of careful seeding", SODA 2007),
/// several times, of which the least inertia is kept. A cluster that loses all its records begins again at the record farthest from its centre.
/// Everything that adds is on the backend and in a fixed order; what is drawn is drawn by Philox: same seed, same device, same bits.
/// </summary>
public sealed class KMeans
{
    private readonly Backend _backend;
    private readonly KMeansOptions _options;

    /// <summary>Makes an algorithm.</summary>
    /// <param name="backend">Where it computes.</param>
    /// <param name="options">How.</param>
    public KMeans(Backend backend, KMeansOptions options)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Restarts);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxIterations);
        (_backend, _options) = (backend, options);
    }

    /// <summary>Puts records into clusters.</summary>
    /// <param name="embeddings">One vector a record.</param>
    /// <param name="clusters">How many, at most the number of records. There are fewer in the end only where records coincide.</param>
    /// <param name="onIteration">Told the start, the iteration and its inertia.</param>
    /// <param name="cancellation">Polled between iterations.</param>
    /// <exception cref="InvalidInputException">There are fewer records than clusters.</exception>
    /// <exception cref="RunFailedException">The inertia is not finite.</exception>
    public Clustering Cluster(
        Embeddings embeddings, int clusters, Action<int, int, double>? onIteration = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(embeddings);
        ClusterCount.Check(embeddings.Count, clusters);
        using var memory = new KMeansMemory(_backend, embeddings, clusters);
        KMeansRun? best = null;
        for (int start = 0; start < _options.Restarts; start++)
        {
            int number = start;
            KMeansRun run = Run(memory, embeddings, start, (iteration, inertia) => onIteration?.Invoke(number, iteration, inertia), cancellation);
            if (best is null || run.Inertia < best.Inertia) best = run;
        }

        return Clustering.Of(embeddings, best!.Labels);
    }

    /// <summary>All that one start does.</summary>
    internal KMeansRun Run(KMeansMemory memory, Embeddings embeddings, int start, Action<int, double>? onIteration, CancellationToken cancellation)
    {
        var draws = new Philox(_options.Seed, (ulong)start);
        Start(memory, embeddings, ref draws, cancellation);
        return Iterate(memory, embeddings, onIteration, cancellation);
    }

    /// <summary>Lloyd's iterations from the centres that are there.</summary>
    internal KMeansRun Iterate(KMeansMemory memory, Embeddings embeddings, Action<int, double>? onIteration, CancellationToken cancellation)
    {
        int[] labels = [];
        var inertias = new List<double>();
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] before = labels;
            (labels, float[] distances) = memory.Assign();
            inertias.Add(distances.Sum(distance => (double)distance));
            if (!double.IsFinite(inertias[^1])) throw new RunFailedException("k-means: the inertia is not finite");
            onIteration?.Invoke(inertias.Count, inertias[^1]);
            if (inertias.Count == _options.MaxIterations || labels.AsSpan().SequenceEqual(before)) return new KMeansRun(labels, memory.Centres(), inertias);
            int[] sizes = memory.Update();
            Refill(memory, embeddings, sizes, distances);
        }
    }

    /// <summary>The first centre is any record, each further one a record drawn with probability ∝ its squared distance to the nearest so far.</summary>
    private static void Start(KMeansMemory memory, Embeddings embeddings, ref Philox draws, CancellationToken cancellation)
    {
        var nearest = new double[embeddings.Count];
        Array.Fill(nearest, double.PositiveInfinity);
        int record = draws.NextInt32(embeddings.Count);
        for (int k = 0; ; k++)
        {
            cancellation.ThrowIfCancellationRequested();
            memory.SetCentre(k, embeddings[record]);
            if (k + 1 == memory.Clusters) return;
            float[] distances = memory.DistancesTo(k);
            for (int n = 0; n < nearest.Length; n++) nearest[n] = Math.Min(nearest[n], distances[n]);
            record = Draw(nearest, ref draws);
        }
    }

    private static int Draw(double[] weights, ref Philox draws)
    {
        double total = weights.Sum(), left = draws.NextDouble() * total;
        if (total == 0) return draws.NextInt32(weights.Length);
        int last = 0;
        for (int n = 0; n < weights.Length; n++)
        {
            if (weights[n] == 0) continue;
            last = n;
            left -= weights[n];
            if (left < 0) break;
        }

        return last;
    }

    /// <summary>Puts the centres of empty clusters onto the records farthest from theirs, each onto another one.</summary>
    private static void Refill(KMeansMemory memory, Embeddings embeddings, int[] sizes, float[] distances)
    {
        for (int k = Array.IndexOf(sizes, 0); k >= 0; k = Array.IndexOf(sizes, 0, k + 1))
        {
            int farthest = Array.IndexOf(distances, distances.Max());
            if (distances[farthest] <= 0) return; // as many clusters as there are different records
            memory.SetCentre(k, embeddings[farthest]);
            distances[farthest] = 0;
        }
    }
}
