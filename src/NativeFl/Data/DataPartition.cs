using NativeFl.Tensors;

namespace NativeFl.Data;

/// <summary>Splits records over clients. Each method returns the record indices of every client, ascending; every record goes to one client.</summary>
public static class DataPartition
{
    private const int Tries = 1000;

    /// <summary>Shuffles and deals out: sizes differ by one at most.</summary>
    /// <exception cref="InvalidInputException">More clients than records.</exception>
    public static int[][] Iid(int count, int clients, ulong seed)
    {
        RequireEnough(count, clients, 1);
        int[] sizes = [.. Enumerable.Range(0, clients).Select(k => (count / clients) + (k < count % clients ? 1 : 0))];
        return Deal(Shuffled(count, seed), sizes);
    }

    /// <summary>
    /// Label skew: for each label, the clients' shares are one draw of Dirichlet(α); a client that holds N/K records or more gets no
    /// further ones. Redrawn until every client holds <paramref name="minimum"/> records. This is the partition script of FLoRA
    /// (arXiv 2409.05976), there with α = 0.5 and a minimum of 40.
    /// </summary>
    /// <param name="labels">The label of every record.</param>
    /// <param name="clients">K.</param>
    /// <param name="alpha">Small: each client has few labels. Large: nearly IID.</param>
    /// <param name="minimum">Fewest records of a client.</param>
    /// <param name="seed">Of the whole partition.</param>
    /// <exception cref="InvalidInputException">No draw satisfies the minimum.</exception>
    public static int[][] Dirichlet(IReadOnlyList<string> labels, int clients, double alpha, int minimum, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(labels);
        if (!(alpha > 0) || !double.IsFinite(alpha))
            throw new InvalidInputException("--partition", "dirichlet with α above 0", FormattableString.Invariant($"{alpha}"));
        RequireEnough(labels.Count, clients, minimum);
        int[][] groups =
        [
            .. Enumerable.Range(0, labels.Count).GroupBy(i => labels[i], StringComparer.Ordinal)
                .OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => g.ToArray()),
        ];
        for (ulong attempt = 0; attempt < Tries; attempt++)
        {
            List<int>[] parts = Draw(groups, labels.Count, clients, alpha, new Philox(seed, attempt));
            if (parts.Any(p => p.Count < Math.Max(1, minimum))) continue;
            return [.. parts.Select(p => p.Order().ToArray())];
        }

        throw new InvalidInputException(
            "--partition",
            $"a draw with at least {Math.Max(1, minimum)} records for each of {clients} clients",
            FormattableString.Invariant($"none in {Tries} draws of Dirichlet({alpha}) over {labels.Count} records"));
    }

    /// <summary>Shuffles and deals out by given sizes.</summary>
    /// <exception cref="InvalidInputException">The sizes are not positive or do not sum to the count.</exception>
    public static int[][] BySizes(int count, IReadOnlyList<int> sizes, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        if (sizes.Count == 0 || sizes.Any(s => s <= 0)) throw new InvalidInputException("--partition", "positive sizes", string.Join(',', sizes));
        long sum = sizes.Sum(s => (long)s);
        if (sum != count) throw new InvalidInputException("--partition", $"sizes that sum to the {count} records", $"{sum}");
        return Deal(Shuffled(count, seed), sizes);
    }

    private static List<int>[] Draw(int[][] groups, int count, int clients, double alpha, Philox random)
    {
        var parts = new List<int>[clients];
        for (int k = 0; k < clients; k++) parts[k] = [];
        double[] shares = new double[clients];
        foreach (int[] group in groups)
        {
            int[] items = [.. group];
            random.Shuffle<int>(items);
            for (int k = 0; k < clients; k++) shares[k] = random.NextGamma(alpha);
            for (int k = 0; k < clients; k++)
            {
                if ((long)parts[k].Count * clients >= count) shares[k] = 0;
            }

            Spread(items, shares, parts);
        }

        return parts;
    }

    // Client k gets the items from ⌊n·c_{k−1}⌋ to ⌊n·c_k⌋, c the cumulated shares: counts are right by construction.
    private static void Spread(int[] items, double[] shares, List<int>[] parts)
    {
        double sum = shares.Sum();
        int last = Array.FindLastIndex(shares, s => s > 0);
        // With a tiny α all draws of the clients with room may underflow to 0: then the emptiest takes the label.
        if (last < 0 || !(sum > 0))
        {
            parts.MinBy(p => p.Count)!.AddRange(items);
            return;
        }

        double cumulated = 0;
        int start = 0;
        for (int k = 0; k <= last; k++)
        {
            cumulated += shares[k];
            int end = k == last ? items.Length : Math.Clamp((int)(items.Length * (cumulated / sum)), start, items.Length);
            parts[k].AddRange(items.AsSpan(start, end - start));
            start = end;
        }
    }

    private static int[] Shuffled(int count, ulong seed)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        var random = new Philox(seed);
        random.Shuffle<int>(order);
        return order;
    }

    private static int[][] Deal(int[] order, IReadOnlyList<int> sizes)
    {
        int[][] parts = new int[sizes.Count][];
        for (int k = 0, start = 0; k < parts.Length; start += sizes[k], k++)
            parts[k] = [.. order.AsSpan(start, sizes[k]).ToArray().Order()];
        return parts;
    }

    private static void RequireEnough(int count, int clients, int minimum)
    {
        if (clients < 1) throw new InvalidInputException("--clients", "at least 1", $"{clients}");
        if ((long)clients * Math.Max(1, minimum) > count)
        {
            throw new InvalidInputException(
                "--partition", $"at least {Math.Max(1, minimum)} records for each of {clients} clients", $"{count} records");
        }
    }
}
