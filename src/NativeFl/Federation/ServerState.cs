using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>Beside the base, all that the server carries from one round to the next.</summary>
public sealed record ServerState
{
    /// <summary>Rounds done.</summary>
    public int Round { get; init; }

    /// <summary>The last round that changed the base; 0: it is as it came.</summary>
    public int BaseRound { get; init; }

    /// <summary>The model before the first round, in whatever figures the caller measures; null where it was not measured.</summary>
    public IReadOnlyDictionary<string, double>? InitialEvaluation { get; init; }

    /// <summary>The adapter that clients go on from, or null.</summary>
    public AdapterWeights? Global { get; init; }

    /// <summary>The adapter that lies frozen beside the base, or null.</summary>
    public AdapterWeights? Beside { get; init; }

    /// <summary>The clients' own adapters by id, where clients keep them.</summary>
    public IReadOnlyDictionary<int, AdapterWeights> Own { get; init; } = new Dictionary<int, AdapterWeights>();

    /// <summary>The adapters that belong to the server's model, beside the base.</summary>
    public IReadOnlyList<AdapterWeights> Adapters =>
        (Beside, Global) switch
        {
            ({ } beside, { } global) => [beside, global],
            ({ } beside, null) => [beside],
            (null, { } global) => [global],
            _ => [],
        };
}
