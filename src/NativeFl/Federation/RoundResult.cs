namespace NativeFl.Federation;

/// <summary>One round in numbers.</summary>
public sealed record RoundResult
{
    /// <summary>From 1.</summary>
    public required int Round { get; init; }

    /// <summary>The selected clients, by id.</summary>
    public required IReadOnlyList<ClientRoundResult> Clients { get; init; }

    /// <summary>See <see cref="ExactnessCheck"/>; null where nothing is aggregated from adapters.</summary>
    public double? Exactness { get; init; }

    /// <summary>
    /// What storing the round's ΔW costs: in the base, see <see cref="AdapterMerge"/>, or beside it, where it is zero until a stack is
    /// folded; null where neither is done.
    /// </summary>
    public double? Rounding { get; init; }

    /// <summary>What the clients are worth, by game; null where it was not asked, or not affordable.</summary>
    public IReadOnlyList<ClientValues>? Values { get; init; }

    /// <summary>Wall time without evaluation.</summary>
    public double Seconds { get; init; }

    /// <summary>The server's model after the round, in whatever figures the caller measures.</summary>
    public IReadOnlyDictionary<string, double>? Evaluation { get; init; }
}
