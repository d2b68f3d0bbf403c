namespace NativeFl.DataRefinement;

/// <summary>What a <see cref="PoolRefiner"/> found.</summary>
/// <param name="Clustering">The clusters and their proxies.</param>
/// <param name="Values">By cluster, its proxy's value.</param>
/// <param name="Selected">The places of the records that are worth training on, ascending.</param>
public sealed record RefinedPool(Clustering Clustering, IReadOnlyList<double> Values, IReadOnlyList<int> Selected);
