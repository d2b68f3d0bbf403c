namespace NativeFl.Valuation;

/// <summary>
/// What the code published with SHED (arXiv:2405.00705) computes: chains of removals in which v of nobody is not measured but taken for 0, so
/// that whoever is left over last is credited with the whole of v. That is far more than any other marginal, and in few permutations it is
/// chance who is last. Kept under this name so that published comparisons can be reproduced; <see cref="PermutationShapley"/> is the one to use.
/// </summary>
/// <remarks>
/// Where v is an accuracy the last one is lifted, where it is a log-probability it is pushed down; either way its value is no Shapley value. The
/// published code sums over permutations, which is this mean times their number, and trains every coalition anew in each of them: n fine-tunings an order,
/// where a table that keeps v(S) needs n − 1 at most, and one for all players. The orders are those
/// of <see cref="PermutationShapley"/> with the same seed, walked from the end, so that both rest on the same coalitions.
/// </remarks>
public sealed class PermutationAsReleased : IValueEstimator
{
    private readonly PermutationShapley _measured;
    private readonly int _permutations;
    private readonly ulong _seed;

    /// <summary>Along so many orders.</summary>
    /// <param name="players">Players of the game.</param>
    /// <param name="permutations">Orders.</param>
    /// <param name="seed">The j-th order follows from it and j.</param>
    public PermutationAsReleased(int players, int permutations, ulong seed)
    {
        _measured = new PermutationShapley(players, permutations, seed);
        (_permutations, _seed) = (permutations, seed);
    }

    /// <inheritdoc/>
    public string Name => "permutation-as-released";

    /// <inheritdoc/>
    public int Players => _measured.Players;

    /// <inheritdoc/>
    public int FineTunings => _measured.FineTunings;

    /// <summary>As many orders as a budget of fine-tunings allows.</summary>
    /// <exception cref="Tensors.InvalidInputException">Not one.</exception>
    public static PermutationAsReleased WithBudget(int players, int budget, ulong seed) =>
        new(players, PermutationBlocks.Affordable(players, 1, budget, "permutation"), seed);

    /// <inheritdoc/>
    public IReadOnlyList<Coalition> Next(CoalitionValues values) => [.. _measured.Next(values).Where(coalition => coalition.Count > 0)];

    /// <inheritdoc/>
    public IReadOnlyList<PlayerValue> Estimate(CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var means = new RunningMean[Players];
        for (int j = 0; j < _permutations; j++)
        {
            Coalition left = Coalition.None(Players);
            foreach (int player in PermutationBlocks.Order(Players, _seed, j))
            {
                double? without = left.Count == 0 ? 0 : values[left];
                left = left.With(player);
                if (values[left] - without is { } drop) means[player].Add(drop);
            }
        }

        return [.. means.Select(mean => new PlayerValue(mean.Mean, mean.StandardError, mean.Count))];
    }
}
