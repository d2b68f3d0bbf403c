using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Valuation;

namespace NativeFl.DataRefinement;

/// <summary>
/// From a pool of records to those that are worth training on: clusters by the base's hidden states, the values of their proxies out of one short
/// training, and a selection by them. Nothing but the base, the pool and the validation records is needed, so that whoever has them can do it alone.
/// </summary>
/// <param name="model">The base; it is not changed.</param>
/// <param name="options">How.</param>
public sealed class PoolRefiner(Transformer model, PoolRefinerOptions options)
{
    /// <summary>Selects.</summary>
    /// <param name="pool">The records, each in a sequence of its own.</param>
    /// <param name="validation">What values are measured on; disjoint from the pool.</param>
    /// <param name="count">How many to select; all of them if there are no more.</param>
    /// <param name="method">The selection by the values of the clusters.</param>
    /// <param name="cancellation">Polled all along.</param>
    /// <returns>The same for the same seed, device and input.</returns>
    /// <exception cref="Tensors.RunFailedException">The training diverged.</exception>
    public RefinedPool Refine(
        IReadOnlyList<TokenizedExample> pool, IReadOnlyList<TokenizedExample> validation, int count, Func<IReadOnlyList<double>, IRecordSelection> method,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentNullException.ThrowIfNull(validation);
        ArgumentNullException.ThrowIfNull(method);
        int clusters = Math.Clamp((int)Math.Round(pool.Count * options.ClusterShare), 1, pool.Count);
        Embeddings embeddings = new HiddenStateEmbedder(model).Embed(pool, cancellation: cancellation);
        var kMeans = new KMeans(model.Backend, new KMeansOptions { Restarts = options.Restarts, Seed = options.InRun.Seed });
        Clustering clustering = kMeans.Cluster(embeddings, clusters, cancellation: cancellation);
        IReadOnlyList<TokenizedExample> proxies = [.. clustering.Proxies.Select(place => pool[place])];
        InRunResult found = new InRunValues(model, proxies, validation, options.InRun).Measure(cancellation: cancellation);
        double[] values = [.. found.Values.Select((PlayerValue value) => value.Value)];
        IReadOnlyList<int>[] members = [.. Enumerable.Range(0, clustering.Count).Select(k => (IReadOnlyList<int>)[.. Enumerable.Range(0, pool.Count).Where(n => clustering.Labels[n] == k)])];
        int[] selected = [.. method(values).Select(new RecordPool(members), Math.Min(count, pool.Count), options.InRun.Seed).Order()];
        return new RefinedPool(clustering, values, selected);
    }
}
