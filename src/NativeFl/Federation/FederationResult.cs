namespace NativeFl.Federation;

/// <summary>A whole run in numbers.</summary>
public sealed record FederationResult
{
    /// <summary>The method's name on the command line.</summary>
    public required string Method { get; init; }

    /// <summary>The rounds of this run; a resumed run has only its own.</summary>
    public required IReadOnlyList<RoundResult> Rounds { get; init; }

    /// <summary>What every client is sent once, before its first round: the base in its storage type.</summary>
    public long BaseBytes { get; init; }

    /// <summary>The model before the first round, whichever run measured it.</summary>
    public IReadOnlyDictionary<string, double>? InitialEvaluation { get; init; }
}
