using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>The records of every cluster that have not been drawn yet, in an order drawn beforehand.</summary>
internal sealed class RemainingRecords
{
    private readonly Stack<int>[] _clusters;
    private Philox _draws;

    public RemainingRecords(RecordPool pool, Philox draws)
    {
        _draws = draws;
        _clusters = [.. pool.Clusters.Select(Shuffled)];
    }

    public bool IsEmpty(int cluster) => _clusters[cluster].Count == 0;

    /// <summary>A record of a cluster, uniformly.</summary>
    public int Take(int cluster) => _clusters[cluster].Pop();

    /// <summary>A cluster with probability ∝ its weight, which is 0 of those without records.</summary>
    public int DrawCluster(double[] weights)
    {
        double left = _draws.NextDouble() * weights.Sum();
        int last = -1;
        for (int k = 0; k < weights.Length; k++)
        {
            if (weights[k] == 0) continue;
            last = k;
            left -= weights[k];
            if (left < 0) break;
        }

        return last;
    }

    /// <summary>The clusters that have records left, in random order.</summary>
    public int[] DrawOrder()
    {
        int[] order = [.. Enumerable.Range(0, _clusters.Length).Where(k => !IsEmpty(k))];
        _draws.Shuffle(order.AsSpan());
        return order;
    }

    private Stack<int> Shuffled(IReadOnlyList<int> records)
    {
        int[] order = [.. records];
        _draws.Shuffle(order.AsSpan());
        return new Stack<int>(order);
    }
}
