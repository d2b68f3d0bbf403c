namespace NativeFl.Tensors;

/// <summary>
/// The orders of players that the Shapley ops walk along, in blocks: block j is the random order that <c>new Philox(seed, j).Shuffle</c> makes
/// of 0, 1, …, and what is made of it. A block's marginals are the means over its orders; blocks are independent of each other.
/// </summary>
/// <param name="Seed">The block's number and it are all that an order depends on.</param>
/// <param name="Blocks">How many.</param>
public readonly record struct PlayerOrders(ulong Seed, int Blocks)
{
    /// <summary>The number of the first block: a second run goes on where a first one ended.</summary>
    public int First { get; init; }

    /// <summary>
    /// Orders of a block by turning the random one around the circle in even steps: with t turns, turn s begins at its place ⌊s · players / t⌋
    /// (stratification; 1 = only the order itself).
    /// </summary>
    public int Turns { get; init; } = 1;

    /// <summary>Whether each of them is also walked backwards (antithetic orders).</summary>
    public bool IsReversed { get; init; }

    /// <summary>Orders of a block.</summary>
    public int OrdersPerBlock => IsReversed ? 2 * Turns : Turns;
}
