namespace NativeFl.Valuation;

/// <summary>
/// Marginal contributions along orders of the players: a player's marginal is v(those before and itself) − v(those before). Its mean over all
/// orders is the Shapley value (Castro, Gómez, Tejada 2009, doi:10.1016/j.cor.2008.04.004); along any one order the marginals add up to
/// v(all) − v(none). Orders come in independent blocks, and the standard error is that of the blocks' means.
/// </summary>
internal sealed class PermutationBlocks(int players, int blocks, Func<int, IReadOnlyList<int[]>> block)
{
    /// <summary>The j-th of the random orders that a seed gives.</summary>
    public static int[] Order(int players, ulong seed, int j)
    {
        int[] order = [.. Enumerable.Range(0, players)];
        new Tensors.Philox(seed, (ulong)j).Shuffle<int>(order);
        return order;
    }

    /// <summary>How many blocks of so many orders a budget allows, all but the empty coalition being a fine-tuning.</summary>
    /// <exception cref="Tensors.InvalidInputException">Not one.</exception>
    public static int Affordable(int players, int orders, int budget, string what)
    {
        // All orders share the coalition of all.
        long each = (long)orders * (players - 1);
        long affordable = each == 0 ? (budget > 0 ? 1 : 0) : (budget - 1) / each;
        if (budget >= 1 && affordable >= 1) return (int)Math.Min(affordable, int.MaxValue);
        throw new Tensors.InvalidInputException("--budget", $"at least {each + 1} fine-tunings, for one {what} of {players}", $"{budget}");
    }

    /// <summary>The coalitions of all orders that are not measured yet.</summary>
    public IReadOnlyList<Coalition> Next(CoalitionValues values)
    {
        var wanted = new List<Coalition>();
        var seen = new HashSet<Coalition>();
        foreach (int[] order in Enumerable.Range(0, blocks).SelectMany(block))
        {
            Coalition before = Coalition.None(players);
            Want(before);
            foreach (int player in order) Want(before = before.With(player));
        }

        return wanted;

        void Want(Coalition coalition)
        {
            if (!values.Has(coalition) && seen.Add(coalition)) wanted.Add(coalition);
        }
    }

    /// <summary>Each player's mean over the blocks.</summary>
    public IReadOnlyList<PlayerValue> Estimate(CoalitionValues values)
    {
        var means = new RunningMean[players];
        int[] marginals = new int[players];
        for (int j = 0; j < blocks; j++)
        {
            var sums = new RunningMean[players];
            foreach (int[] order in block(j))
            {
                Coalition before = Coalition.None(players);
                foreach (int player in order)
                {
                    if (values.Marginal(before, player) is { } marginal) sums[player].Add(marginal);
                    before = before.With(player);
                }
            }

            for (int player = 0; player < players; player++)
            {
                marginals[player] += sums[player].Count;
                if (sums[player].Count > 0) means[player].Add(sums[player].Mean);
            }
        }

        return [.. means.Select((mean, player) => new PlayerValue(mean.Mean, mean.StandardError, marginals[player]))];
    }
}
