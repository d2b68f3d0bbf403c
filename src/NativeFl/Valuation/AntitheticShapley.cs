namespace NativeFl.Valuation;

/// <summary>
/// Shapley values along random orders, each followed by its reverse: a player that came early then comes late, so that what its place does to
/// its marginal cancels to first order (Mitchell, Cooper, Frank, Holmes 2022, JMLR 23(43), section 3.1). Unbiased; the standard error is that of the pairs.
/// </summary>
public sealed class AntitheticShapley : IValueEstimator
{
    private readonly PermutationBlocks _blocks;

    /// <summary>Along so many pairs.</summary>
    /// <param name="players">Players of the game.</param>
    /// <param name="pairs">Pairs of orders.</param>
    /// <param name="seed">The j-th pair follows from it and j.</param>
    public AntitheticShapley(int players, int pairs, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pairs);
        Players = players;
        FineTunings = checked((2 * pairs * (players - 1)) + 1);
        _blocks = new PermutationBlocks(players, pairs, j =>
        {
            int[] order = PermutationBlocks.Order(players, seed, j);
            return [order, [.. order.AsEnumerable().Reverse()]];
        });
    }

    /// <inheritdoc/>
    public string Name => "antithetic";

    /// <inheritdoc/>
    public int Players { get; }

    /// <inheritdoc/>
    public int FineTunings { get; }

    /// <summary>As many pairs as a budget of fine-tunings allows.</summary>
    /// <exception cref="Tensors.InvalidInputException">Not one.</exception>
    public static AntitheticShapley WithBudget(int players, int budget, ulong seed) =>
        new(players, PermutationBlocks.Affordable(players, 2, budget, "permutation and its reverse"), seed);

    /// <inheritdoc/>
    public IReadOnlyList<Coalition> Next(CoalitionValues values) => _blocks.Next(values);

    /// <inheritdoc/>
    public IReadOnlyList<PlayerValue> Estimate(CoalitionValues values) => _blocks.Estimate(values);
}
