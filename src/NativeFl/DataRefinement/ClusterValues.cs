using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>What clusters are worth: the values of their proxies.</summary>
public static class ClusterValues
{
    /// <summary>Reads what refine value wrote.</summary>
    /// <param name="folder">Where values.json lies.</param>
    /// <param name="clusters">The clusters that it must be of.</param>
    /// <returns>By cluster; NaN where nothing could be told.</returns>
    /// <exception cref="InvalidInputException">The file is no such thing, or lacks a proxy.</exception>
    public static IReadOnlyList<double> Read(string folder, ClusterFolder clusters)
    {
        ArgumentNullException.ThrowIfNull(clusters);
        Dictionary<string, double> values = ValueFolder.Read(folder).Proxies.ToDictionary(proxy => proxy.Id, proxy => proxy.Value, StringComparer.Ordinal);
        return [.. clusters.Clusters.Select(cluster => values.TryGetValue(cluster.Proxy, out double value)
            ? value
            : throw new InvalidInputException(Path.Combine(folder, ValueFolder.FileName), "a value of every cluster's proxy", $"none of {JsonFile.Quote(cluster.Proxy)}"))];
    }

    /// <summary>z = (v − mean) / standard deviation over the clusters whose value is known; the others count as average, and so do all that are equal.</summary>
    internal static double[] Standardise(IReadOnlyList<double> values)
    {
        double[] known = [.. values.Where(double.IsFinite)];
        double mean = known.Length == 0 ? 0 : known.Average();
        double deviation = known.Length == 0 ? 0 : Math.Sqrt(known.Average(value => (value - mean) * (value - mean)));
        return [.. values.Select(value => double.IsFinite(value) && deviation > 0 ? (value - mean) / deviation : 0)];
    }
}
