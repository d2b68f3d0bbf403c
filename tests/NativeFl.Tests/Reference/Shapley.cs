using NativeFl.Tensors;

namespace NativeFl.Tests.Reference;

/// <summary>Games by their definition, marginals along orders, and what is known of the values in closed form. Plain loops in double.</summary>
internal static class Shapley
{
    public static double Quadratic(double[] gains, double[] rows, int width, IReadOnlyList<int> set)
    {
        double value = set.Sum(i => gains[i]);
        for (int c = 0; c < width; c++)
        {
            double sum = set.Sum(i => rows[(i * width) + c]);
            value -= 0.5 * sum * sum;
        }

        return value;
    }

    public static double Voting(int[] weights, long quota, IReadOnlyList<int> set) => set.Sum(i => (long)weights[i]) >= quota ? 1 : 0;

    /// <summary>keys (n, T): twice the rank, plus 1 where the classes agree.</summary>
    public static double Neighbours(int[] keys, int points, int neighbours, IReadOnlyList<int> set)
    {
        double agreeing = 0;
        for (int t = 0; t < points; t++) agreeing += set.Select(i => keys[(i * points) + t]).Order().Take(neighbours).Sum(key => key % 2);
        return agreeing / neighbours / points;
    }

    /// <summary>The orders of block j.</summary>
    public static IEnumerable<int[]> Block(int players, PlayerOrders orders, int j)
    {
        int[] order = [.. Enumerable.Range(0, players)];
        new Philox(orders.Seed, (ulong)j).Shuffle<int>(order);
        int[][] turned = [.. Enumerable.Range(0, orders.Turns).Select(t => order.Skip(t * players / orders.Turns).Concat(order.Take(t * players / orders.Turns)).ToArray())];
        return orders.IsReversed ? turned.Concat(turned.Select(one => one.AsEnumerable().Reverse().ToArray())) : turned;
    }

    /// <summary>By player Σ over the blocks of its mean marginal, and then of the square of that.</summary>
    public static double[] Moments(Func<IReadOnlyList<int>, double> v, int players, PlayerOrders orders)
    {
        var moments = new double[2 * players];
        for (int j = orders.First; j < orders.First + orders.Blocks; j++)
        {
            var marginals = new double[players];
            foreach (int[] order in Block(players, orders, j))
            {
                for (int k = 0; k < players; k++)
                    marginals[order[k]] += (v(order[..(k + 1)]) - v(order[..k])) / orders.OrdersPerBlock;
            }

            for (int i = 0; i < players; i++)
            {
                moments[i] += marginals[i];
                moments[players + i] += marginals[i] * marginals[i];
            }
        }

        return moments;
    }

    /// <summary>gains[i] − ½ rows[i] · Σ rows: of every pair i, j each comes first in half of all orders.</summary>
    public static double[] QuadraticValues(double[] gains, double[] rows, int width) =>
        [.. gains.Select((gain, i) => gain - (0.5 * Enumerable.Range(0, width).Sum(c => rows[(i * width) + c] * gains.Select((_, j) => rows[(j * width) + c]).Sum())))];

    /// <summary>Jia et al. 2019, theorem 1, meaned over the points, for no fewer players than neighbours: from the farthest to the nearest.</summary>
    public static double[] NeighbourValues(int[] keys, int players, int points, int neighbours)
    {
        var values = new double[players];
        for (int t = 0; t < points; t++)
        {
            int[] byDistance = [.. Enumerable.Range(0, players).OrderBy(i => keys[(i * points) + t])];
            double value = 0;
            for (int rank = players; rank >= 1; rank--)
            {
                int agrees = keys[(byDistance[rank - 1] * points) + t] % 2;
                int agreesNext = rank == players ? 0 : keys[(byDistance[rank] * points) + t] % 2;
                value = rank == players
                    ? (double)agrees / players
                    : value + ((double)(agrees - agreesNext) / neighbours * Math.Min(neighbours, rank) / rank);
                values[byDistance[rank - 1]] += value / points;
            }
        }

        return values;
    }

    /// <summary>The mean marginal over all coalitions of the others, weighted s! (n − 1 − s)! / n!.</summary>
    public static double[] ByEnumeration(Func<IReadOnlyList<int>, double> v, int players)
    {
        var values = new double[players];
        double[] factorials = [1, .. Enumerable.Range(1, players).Select(n => Enumerable.Range(1, n).Aggregate(1.0, (product, factor) => product * factor))];
        for (int set = 0; set < 1 << players; set++)
        {
            int[] members = [.. Enumerable.Range(0, players).Where(i => (set >> i & 1) != 0)];
            foreach (int i in Enumerable.Range(0, players).Except(members))
                values[i] += factorials[members.Length] * factorials[players - 1 - members.Length] / factorials[players] * (v([.. members, i]) - v(members));
        }

        return values;
    }

    /// <summary>sums (n, 9) and normal (n, n + 1) of Backend.ShapleyTable.</summary>
    public static (double[] Sums, double[] Normal) Table(bool[][] sets, double[] values, double[] weights, int[] steps, int players)
    {
        double[] sums = new double[9 * players], normal = new double[players * (players + 1)];
        for (int s = 0; s < steps.Length; s += 3) Add(steps[s + 2], 0, 1, values[steps[s + 1]] - values[steps[s]]);
        for (int m = 0; m < sets.Length; m++)
        {
            for (int i = 0; i < players; i++)
            {
                Add(i, sets[m][i] ? 3 : 6, weights[2 * m], values[m]);
                if (!sets[m][i]) continue;
                for (int j = 0; j < players; j++) normal[(i * (players + 1)) + j] += sets[m][j] ? weights[(2 * m) + 1] : 0;
                normal[(i * (players + 1)) + players] += weights[(2 * m) + 1] * values[m];
            }
        }

        return (sums, normal);

        void Add(int player, int kind, double weight, double value)
        {
            sums[(9 * player) + kind] += weight;
            sums[(9 * player) + kind + 1] += weight * value;
            sums[(9 * player) + kind + 2] += weight * value * value;
        }
    }
}
