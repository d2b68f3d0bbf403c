namespace NativeFl.DataRefinement;

/// <summary>Records that are alike.</summary>
/// <param name="Proxy">The id of the record nearest the cluster's centre, which stands for all of them.</param>
/// <param name="Members">The ids of all its records, the proxy's among them, in the order of the data.</param>
public sealed record RecordCluster(string Proxy, IReadOnlyList<string> Members);
