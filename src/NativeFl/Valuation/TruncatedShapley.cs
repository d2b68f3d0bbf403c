namespace NativeFl.Valuation;

/// <summary>
/// Shapley values along random orders, each given up where v is within a tolerance of v(all): whoever would come later gets 0 there (TMC-Shapley,
/// Ghorbani and Zou 2019, arXiv:1904.02868, algorithm 1). What an order leaves unshared is below the tolerance; in a game where nobody does
/// harm, so is every player's bias.
/// </summary>
/// <remarks>
/// An order is begun only if the budget would last for the whole of it. Which orders there are thus depends on what earlier ones cost, not on
/// how many were measured side by side.
/// </remarks>
public sealed class TruncatedShapley : IValueEstimator
{
    private readonly double _tolerance;
    private readonly ulong _seed;

    /// <summary>As many orders as a budget allows.</summary>
    /// <param name="players">Players of the game.</param>
    /// <param name="budget">Fine-tunings.</param>
    /// <param name="tolerance">In the units of v.</param>
    /// <param name="seed">The j-th order follows from it and j.</param>
    /// <exception cref="Tensors.InvalidInputException">The budget does not last for one order.</exception>
    public TruncatedShapley(int players, int budget, double tolerance, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tolerance);
        PermutationBlocks.Affordable(players, 1, budget, "permutation");
        (Players, FineTunings, _tolerance, _seed) = (players, budget, tolerance, seed);
    }

    /// <inheritdoc/>
    public string Name => "truncated";

    /// <inheritdoc/>
    public int Players { get; }

    /// <inheritdoc/>
    public int FineTunings { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Coalition> Next(CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        Coalition[] ends = [.. new[] { Coalition.None(Players), Coalition.All(Players) }.Where(end => !values.Has(end))];
        if (ends.Length > 0) return ends;
        return [.. Walks(values).Where(walk => walk.Missing is not null).Select(walk => walk.Missing!).Distinct()];
    }

    /// <inheritdoc/>
    public IReadOnlyList<PlayerValue> Estimate(CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var means = new RunningMean[Players];
        foreach (Walk walk in Walks(values))
        {
            if (walk.Missing is { } missing) throw new KeyNotFoundException($"coalition {missing} was not measured");
            for (int player = 0; player < Players; player++)
            {
                if (walk.Marginals[player] is { } marginal) means[player].Add(marginal);
            }
        }

        return [.. means.Select(mean => new PlayerValue(mean.Mean, mean.StandardError, mean.Count))];
    }

    /// <summary>The orders that the budget has room for, each as far as it is measured.</summary>
    private List<Walk> Walks(CoalitionValues values)
    {
        var walks = new List<Walk>();
        var visited = new HashSet<Coalition> { Coalition.All(Players) };
        long open = 0; // what unfinished orders may still cost
        while (walks.Count < FineTunings && visited.Count + open + Players - 1 <= FineTunings)
        {
            Walk walk = Take(walks.Count, values, visited, out int left);
            walks.Add(walk);
            open += left;
        }

        return walks;
    }

    /// <summary>One order: its marginals, or the coalition that it cannot do without.</summary>
    private Walk Take(int j, CoalitionValues values, HashSet<Coalition> visited, out int left)
    {
        double? all = values[Coalition.All(Players)];
        var marginals = new double?[Players];
        Coalition before = Coalition.None(Players);
        left = 0;
        bool isDone = false;
        foreach (int player in PermutationBlocks.Order(Players, _seed, j))
        {
            isDone |= Math.Abs(values[before] - all ?? double.PositiveInfinity) < _tolerance;
            if (isDone)
            {
                marginals[player] = 0;
                continue;
            }

            Coalition with = before.With(player);
            if (!values.Has(with))
            {
                left = Players - with.Count;
                return new Walk(marginals, with);
            }

            visited.Add(with);
            marginals[player] = values.Marginal(before, player);
            before = with;
        }

        return new Walk(marginals, null);
    }

    /// <summary>An order: by player its marginal (null where a value was left out), and what it lacks.</summary>
    private readonly record struct Walk(double?[] Marginals, Coalition? Missing);
}
