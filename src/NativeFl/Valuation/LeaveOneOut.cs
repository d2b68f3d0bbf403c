namespace NativeFl.Valuation;

/// <summary>v(all) − v(all but the player): cheap, and blind to what others could replace. It stands beside the other values.</summary>
public sealed class LeaveOneOut : IValueEstimator
{
    /// <summary>Of a game.</summary>
    public LeaveOneOut(int players)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(players);
        Players = players;
    }

    /// <inheritdoc/>
    public string Name => "leave-one-out";

    /// <inheritdoc/>
    public int Players { get; }

    /// <inheritdoc/>
    public int FineTunings => Players == 1 ? 1 : Players + 1;

    /// <inheritdoc/>
    public IReadOnlyList<Coalition> Next(CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        Coalition all = Coalition.All(Players);
        return [.. Enumerable.Range(0, Players).Select(all.Without).Prepend(all).Where(coalition => !values.Has(coalition))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<PlayerValue> Estimate(CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        Coalition all = Coalition.All(Players);
        return
        [
            .. Enumerable.Range(0, Players).Select(player => values.Marginal(all.Without(player), player) is { } marginal
                ? new PlayerValue(marginal, 0, 1)
                : new PlayerValue(double.NaN, null, 0)),
        ];
    }
}
