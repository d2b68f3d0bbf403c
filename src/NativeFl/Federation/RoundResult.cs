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

    /// <summary>See <see cref="AdapterMerge"/>; null where nothing is merged.</summary>
    public double? Rounding { get; init; }

    /// <summary>Wall time without evaluation.</summary>
    public double Seconds { get; init; }

    /// <summary>The server's model after the round, in whatever figures the caller measures.</summary>
    public IReadOnlyDictionary<string, double>? Evaluation { get; init; }
}
