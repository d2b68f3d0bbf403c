using NativeFl.Valuation;

namespace NativeFl.DataRefinement;

/// <summary>What the proxies are worth, and what it took to tell.</summary>
public sealed record ProxyValues
{
    /// <summary>The estimator's name.</summary>
    public required string Estimator { get; init; }

    /// <summary>The proxies, in the order of the clusters.</summary>
    public required IReadOnlyList<ProxyValue> Proxies { get; init; }

    /// <summary>Players of the game.</summary>
    public required int Groups { get; init; }

    /// <summary>Fine-tunings that the values rest on.</summary>
    public required int FineTunings { get; init; }

    /// <summary>Coalitions that came to nothing finite, twice.</summary>
    public int LeftOut { get; init; }

    /// <summary>v of the base as it is; null where it was not measured.</summary>
    public double? EmptyValue { get; init; }

    /// <summary>v of the base fine-tuned on all proxies; null where it was not measured.</summary>
    public double? WholeValue { get; init; }

    /// <summary>The values of the proxies from those of the groups: each member has its group's, and its error, divided by the group's size.</summary>
    /// <param name="estimator">How the players' values were told.</param>
    /// <param name="values">By player.</param>
    /// <param name="groups">By player, its proxies.</param>
    /// <param name="ids">By proxy, its id.</param>
    /// <param name="table">What was measured.</param>
    public static ProxyValues Of(
        IValueEstimator estimator, IReadOnlyList<PlayerValue> values, IReadOnlyList<int[]> groups, IReadOnlyList<string> ids, CoalitionValues table)
    {
        ArgumentNullException.ThrowIfNull(estimator);
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(table);
        var proxies = new ProxyValue[ids.Count];
        for (int group = 0; group < groups.Count; group++)
        {
            (double value, double? error, int marginals) = values[group];
            int size = groups[group].Length;
            foreach (int proxy in groups[group]) proxies[proxy] = new ProxyValue(ids[proxy], value / size, error / size, marginals, group);
        }

        return new ProxyValues
        {
            Estimator = estimator.Name,
            Proxies = proxies,
            Groups = groups.Count,
            FineTunings = Valuer.FineTuningsOf(estimator, table),
            LeftOut = table.LeftOut,
            EmptyValue = table[Coalition.None(groups.Count)],
            WholeValue = table[Coalition.All(groups.Count)],
        };
    }
}
