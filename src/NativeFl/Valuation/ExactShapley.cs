using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>
/// Shapley's values from all coalitions: φ_i = 1/n Σ_s mean over the coalitions S of s others of v(S with i) − v(S) (Shapley 1953).
/// </summary>
public sealed class ExactShapley : IValueEstimator
{
    /// <summary>The most players: 2²⁰ coalitions.</summary>
    public const int MostPlayers = 20;

    /// <summary>Of a game.</summary>
    /// <exception cref="InvalidInputException">More players than <see cref="MostPlayers"/>.</exception>
    public ExactShapley(int players)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(players);
        if (players > MostPlayers) throw new InvalidInputException("--estimator exact", $"at most {MostPlayers} players", $"{players}");
        Players = players;
    }

    /// <inheritdoc/>
    public string Name => "exact";

    /// <inheritdoc/>
    public int Players { get; }

    /// <inheritdoc/>
    public int FineTunings => (1 << Players) - 1;

    /// <inheritdoc/>
    public IReadOnlyList<Coalition> Next(CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return [.. Everything().Where(coalition => !values.Has(coalition))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<PlayerValue> Estimate(CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var bySize = new RunningMean[Players, Players];
        foreach (Coalition coalition in Everything())
        {
            foreach (int player in Enumerable.Range(0, Players).Where(player => !coalition[player]))
            {
                if (values.Marginal(coalition, player) is { } marginal) bySize[player, coalition.Count].Add(marginal);
            }
        }

        return
        [
            .. Enumerable.Range(0, Players).Select(player =>
            {
                RunningMean[] means = [.. Enumerable.Range(0, Players).Select(size => bySize[player, size])];
                int marginals = means.Sum(mean => mean.Count);
                return new PlayerValue(means.Average(mean => mean.Mean), marginals == 1 << (Players - 1) ? 0 : null, marginals);
            }),
        ];
    }

    private IEnumerable<Coalition> Everything() =>
        Enumerable.Range(0, 1 << Players).Select(set => Coalition.Of(Players, Enumerable.Range(0, Players).Where(player => (set >> player & 1) != 0)));
}
