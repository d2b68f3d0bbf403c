using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>How many clusters there can be.</summary>
internal static class ClusterCount
{
    /// <exception cref="InvalidInputException">There are fewer records than clusters.</exception>
    public static void Check(int records, int clusters)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(clusters);
        if (records < clusters) throw new InvalidInputException("--clusters", $"at most {records}, one a record", $"{clusters}");
    }
}
