using System.Globalization;
using System.Text.Json.Nodes;

namespace NativeFl.Cli.Flags;

/// <summary>How many layers go, time after time, as it is given: "0,1,2,4", "0-7" or "all".</summary>
/// <param name="Given">The counts, ascending; null: as many as there can be.</param>
internal sealed record SweepCounts(IReadOnlyList<int>? Given)
{
    private const string All = "all";
    private const int Most = 1 << 16;

    /// <summary>A flag of them.</summary>
    public static FlagType<SweepCounts?> FlagType { get; } = new("N,N-N,…|all", FlagShape.List, Parse, ToJson);

    /// <summary>The counts for a model that can lose <paramref name="most"/>.</summary>
    public IReadOnlyList<int> UpTo(int most) => Given ?? [.. Enumerable.Range(0, most + 1)];

    private static SweepCounts Parse(FlagText text)
    {
        string[] items = [.. text.Items];
        if (items is [All]) return new SweepCounts((IReadOnlyList<int>?)null);
        int[] counts = [.. items.SelectMany(item => Range(text, item)).Order()];
        for (int i = 1; i < counts.Length; i++)
        {
            if (counts[i] == counts[i - 1])
                throw text.Error("every count once", string.Create(CultureInfo.InvariantCulture, $"{counts[i]} twice"));
        }

        return new SweepCounts(counts);
    }

    private static IEnumerable<int> Range(FlagText text, string item)
    {
        string[] ends = item.Split('-', 2);
        if (!IsCount(ends[0], out int first) || !IsCount(ends[^1], out int last) || last < first)
            throw text.Error("counts such as 0,1,2,4 or 0-7, or all", $"'{item}'");
        return Enumerable.Range(first, last - first + 1);
    }

    private static bool IsCount(string text, out int count) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count <= Most;

    private static JsonNode? ToJson(SweepCounts? counts) => counts is null ? null : counts.Given is { } given ? JsonOutput.Integers(given) : All;
}
