namespace NativeFl.DataRefinement;

/// <summary>How <see cref="KMeans"/> looks for clusters.</summary>
public sealed record KMeansOptions
{
    /// <summary>How often it begins anew; the clusters of least inertia are kept.</summary>
    public int Restarts { get; init; } = 3;

    /// <summary>Iterations of one start, at most; it ends before when no record changes its cluster.</summary>
    public int MaxIterations { get; init; } = 100;

    /// <summary>Of the starts.</summary>
    public ulong Seed { get; init; }
}
