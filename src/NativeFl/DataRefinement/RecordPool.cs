using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>Records by place, 0 .. <see cref="Count"/> − 1, in clusters: what a selection chooses from.</summary>
public sealed class RecordPool
{
    /// <param name="clusters">By cluster, the places of its records; every record is in one, and none is empty.</param>
    public RecordPool(IReadOnlyList<IReadOnlyList<int>> clusters)
    {
        ArgumentNullException.ThrowIfNull(clusters);
        Clusters = clusters;
        Count = clusters.Sum(cluster => cluster.Count);
    }

    /// <summary>By cluster, the places of its records.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Clusters { get; }

    /// <summary>Records.</summary>
    public int Count { get; }

    /// <summary>The records of a cluster folder, by their places in it.</summary>
    public static RecordPool Of(ClusterFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        Dictionary<string, int> places = folder.Records.Select((record, n) => (record.Id, n)).ToDictionary(r => r.Id, r => r.n, StringComparer.Ordinal);
        return new RecordPool([.. folder.Clusters.Select(cluster => (IReadOnlyList<int>)[.. cluster.Members.Select(id => places[id])])]);
    }

    /// <summary>Refuses to choose nothing, or more than there is.</summary>
    /// <exception cref="InvalidInputException">That is asked for.</exception>
    internal void Check(int count)
    {
        if (count < 1 || count > Count) throw new InvalidInputException("--count", FormattableString.Invariant($"1 to {Count}, all records"), FormattableString.Invariant($"{count}"));
    }

    /// <summary>By cluster a number, or nothing.</summary>
    internal void RequireOneEach(int values)
    {
        if (values != Clusters.Count) throw new ArgumentException($"{values} values for {Clusters.Count} clusters", nameof(values));
    }
}
