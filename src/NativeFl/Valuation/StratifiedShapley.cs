namespace NativeFl.Valuation;

/// <summary>
/// Shapley values along random orders that are each turned around the circle in even steps: of the orders of a block every player stands once
/// in every stratum of places (with as many strata as players: once in every place), so that the variance between places falls away
/// (stratification by coalition size: Maleki et al. 2013, arXiv:1306.4265; the turned orders are a Latin square). Every turned order is itself uniform, so the mean is unbiased.
/// </summary>
public sealed class StratifiedShapley : IValueEstimator
{
    /// <summary>Strata unless there are fewer players.</summary>
    public const int DefaultStrata = 4;

    private readonly PermutationBlocks _blocks;

    /// <summary>Along so many blocks.</summary>
    /// <param name="players">Players of the game.</param>
    /// <param name="strata">Orders of a block, at most as many as there are players.</param>
    /// <param name="blocks">Blocks of orders.</param>
    /// <param name="seed">The j-th block follows from it and j.</param>
    public StratifiedShapley(int players, int strata, int blocks, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(strata);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(strata, players);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blocks);
        Players = players;
        FineTunings = checked((blocks * strata * (players - 1)) + 1);
        _blocks = new PermutationBlocks(players, blocks, j =>
        {
            int[] order = PermutationBlocks.Order(players, seed, j);
            return [.. Enumerable.Range(0, strata).Select(s => Turned(order, (int)((long)s * players / strata)))];
        });
    }

    /// <inheritdoc/>
    public string Name => "stratified";

    /// <inheritdoc/>
    public int Players { get; }

    /// <inheritdoc/>
    public int FineTunings { get; }

    /// <summary>As many blocks as a budget of fine-tunings allows.</summary>
    /// <exception cref="Tensors.InvalidInputException">Not one.</exception>
    public static StratifiedShapley WithBudget(int players, int budget, ulong seed)
    {
        int strata = Math.Min(DefaultStrata, players);
        return new(players, strata, PermutationBlocks.Affordable(players, strata, budget, $"permutation turned {strata} times"), seed);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Coalition> Next(CoalitionValues values) => _blocks.Next(values);

    /// <inheritdoc/>
    public IReadOnlyList<PlayerValue> Estimate(CoalitionValues values) => _blocks.Estimate(values);

    private static int[] Turned(int[] order, int by) => [.. order.Skip(by), .. order.Take(by)];
}
