namespace NativeFl.Valuation;

/// <summary>
/// What is known of a game: v(S) of the coalitions that were measured. All estimators read the same table, so what one had measured serves
/// the next.
/// </summary>
public sealed class CoalitionValues
{
    private readonly Dictionary<Coalition, double?> _values = [];

    /// <summary>Of nothing yet.</summary>
    public CoalitionValues(int players)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(players);
        Players = players;
    }

    /// <summary>Players of the game.</summary>
    public int Players { get; }

    /// <summary>Coalitions that were measured, those left out included.</summary>
    public int Count => _values.Count;

    /// <summary>Coalitions whose value was not finite, twice: no marginal is taken of them.</summary>
    public int LeftOut => _values.Values.Count(value => value is null);

    /// <summary>v(S); null if it is left out.</summary>
    /// <exception cref="KeyNotFoundException">It was not measured.</exception>
    public double? this[Coalition coalition] => _values.TryGetValue(coalition, out double? value)
        ? value
        : throw new KeyNotFoundException($"coalition {coalition} was not measured");

    /// <summary>Whether a coalition was measured.</summary>
    public bool Has(Coalition coalition) => _values.ContainsKey(coalition);

    /// <summary>Notes v(S), or null for a coalition that is left out.</summary>
    /// <exception cref="ArgumentException">It is of another game, not finite, or there already.</exception>
    public void Add(Coalition coalition, double? value)
    {
        ArgumentNullException.ThrowIfNull(coalition);
        if (coalition.Players != Players) throw new ArgumentException($"a coalition of {coalition.Players} players in a game of {Players}", nameof(coalition));
        if (value is { } v && !double.IsFinite(v)) throw new ArgumentException($"the value of {coalition} is {v}", nameof(value));
        _values.Add(coalition, value);
    }

    /// <summary>v(S with the player) − v(S); null if one of the two is left out.</summary>
    internal double? Marginal(Coalition before, int player) => this[before.With(player)] - this[before];
}
