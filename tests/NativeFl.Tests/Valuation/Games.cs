using NativeFl.Valuation;

namespace NativeFl.Tests.Valuation;

/// <summary>Games for tests, and Shapley's and Banzhaf's values of them by their definitions.</summary>
internal static class Games
{
    /// <summary>v(S) = base + Σ of the members' own worths.</summary>
    public static Func<Coalition, double> Additive(double nothing, params double[] worths) => s => nothing + s.Members.Sum(i => worths[i]);

    /// <summary>Any v at all: a number for every coalition.</summary>
    public static Func<Coalition, double> Arbitrary(int players, int seed)
    {
        var random = new Random(seed);
        Dictionary<string, double> values = [];
        for (int set = 0; set < 1 << players; set++) values[Of(players, set).ToString()] = (random.NextDouble() * 4) - 2;
        return s => values[s.ToString()];
    }

    /// <summary>Nobody does harm: v grows with every player, less and less.</summary>
    public static Func<Coalition, double> Saturating(params double[] worths) => s => Math.Sqrt(s.Members.Sum(i => worths[i]));

    public static Coalition Of(int players, int set) => Coalition.Of(players, Enumerable.Range(0, players).Where(i => (set >> i & 1) != 0));

    /// <summary>The mean marginal over all n! orders.</summary>
    public static double[] Shapley(int players, Func<Coalition, double> game)
    {
        var sums = new double[players];
        int orders = 0;
        foreach (int[] order in Orders([.. Enumerable.Range(0, players)], 0))
        {
            orders++;
            for (int k = 0; k < players; k++)
                sums[order[k]] += game(Coalition.Of(players, order.Take(k + 1))) - game(Coalition.Of(players, order.Take(k)));
        }

        return [.. sums.Select(sum => sum / orders)];
    }

    /// <summary>The mean marginal over all coalitions of the others.</summary>
    public static double[] Banzhaf(int players, Func<Coalition, double> game) =>
    [
        .. Enumerable.Range(0, players).Select(i => Enumerable.Range(0, 1 << players).Where(set => (set >> i & 1) == 0)
            .Average(set => game(Of(players, set | 1 << i)) - game(Of(players, set)))),
    ];

    /// <summary>Measures what an estimator wants, a few at a time, until it wants nothing.</summary>
    public static CoalitionValues Play(IValueEstimator estimator, Func<Coalition, double> game, int atOnce = int.MaxValue, CoalitionValues? into = null)
    {
        CoalitionValues values = into ?? new CoalitionValues(estimator.Players);
        while (estimator.Next(values) is { Count: > 0 } wanted)
        {
            foreach (Coalition coalition in wanted.Take(atOnce)) values.Add(coalition, game(coalition));
        }

        return values;
    }

    public static double[] Values(IValueEstimator estimator, Func<Coalition, double> game) =>
        [.. estimator.Estimate(Play(estimator, game)).Select(v => v.Value)];

    private static IEnumerable<int[]> Orders(int[] players, int from)
    {
        if (from == players.Length) yield return [.. players];
        for (int i = from; i < players.Length; i++)
        {
            (players[from], players[i]) = (players[i], players[from]);
            foreach (int[] order in Orders(players, from + 1)) yield return order;
            (players[from], players[i]) = (players[i], players[from]);
        }
    }
}
