using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>What a round leaves behind, for whoever keeps it.</summary>
public sealed record RoundArtefacts
{
    /// <summary>The round in numbers.</summary>
    public required RoundResult Result { get; init; }

    /// <summary>The adapters as the clients sent them, by id; those that diverged are not among them.</summary>
    public required IReadOnlyDictionary<int, AdapterWeights> Clients { get; init; }

    /// <summary>What the server made of them: the stack, or the adapter that clients go on from; null where there is neither.</summary>
    public AdapterWeights? Global { get; init; }

    /// <summary>With the base, all that the next round needs.</summary>
    public required ServerState State { get; init; }
}
