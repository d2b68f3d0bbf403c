namespace NativeFl.DataRefinement;

/// <summary>How a <see cref="PoolRefiner"/> goes about it.</summary>
public sealed record PoolRefinerOptions
{
    /// <summary>Clusters for every record of the pool.</summary>
    public double ClusterShare { get; init; } = 0.25;

    /// <summary>Starts of k-means.</summary>
    public int Restarts { get; init; } = 3;

    /// <summary>The training that the values come from, and the seed of all that is drawn.</summary>
    public InRunOptions InRun { get; init; } = new();
}
