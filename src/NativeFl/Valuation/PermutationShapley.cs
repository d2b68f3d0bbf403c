namespace NativeFl.Valuation;

/// <summary>
/// Shapley values along random orders, as SHED does it (arXiv:2405.00705, section 3) with what its code has wrong put right: v of nobody is
/// measured, and no order is left out. Unbiased; an additive game comes out exactly; the values add up to v(all) − v(none).
/// </summary>
public sealed class PermutationShapley : IValueEstimator
{
    private readonly PermutationBlocks _blocks;

    /// <summary>Along so many orders.</summary>
    /// <param name="players">Players of the game.</param>
    /// <param name="permutations">Orders.</param>
    /// <param name="seed">The j-th order follows from it and j.</param>
    public PermutationShapley(int players, int permutations, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(permutations);
        Players = players;
        FineTunings = checked((permutations * (players - 1)) + 1);
        _blocks = new PermutationBlocks(players, permutations, j => [PermutationBlocks.Order(players, seed, j)]);
    }

    /// <inheritdoc/>
    public string Name => "permutation";

    /// <inheritdoc/>
    public int Players { get; }

    /// <inheritdoc/>
    public int FineTunings { get; }

    /// <summary>As many orders as a budget of fine-tunings allows.</summary>
    /// <exception cref="Tensors.InvalidInputException">Not one.</exception>
    public static PermutationShapley WithBudget(int players, int budget, ulong seed) =>
        new(players, PermutationBlocks.Affordable(players, 1, budget, "permutation"), seed);

    /// <inheritdoc/>
    public IReadOnlyList<Coalition> Next(CoalitionValues values) => _blocks.Next(values);

    /// <inheritdoc/>
    public IReadOnlyList<PlayerValue> Estimate(CoalitionValues values) => _blocks.Estimate(values);
}
