using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>What a round came to.</summary>
/// <param name="State">The server after it.</param>
/// <param name="Clients">Every selected client in numbers.</param>
/// <param name="Adapters">What came back and counted, by id.</param>
/// <param name="Global">What the server made of it, as an adapter.</param>
/// <param name="Exactness">See <see cref="ExactnessCheck"/>.</param>
/// <param name="Rounding">See <see cref="RoundResult.Rounding"/>.</param>
internal sealed record RoundOutcome(
    ServerState State,
    IReadOnlyList<ClientRoundResult> Clients,
    IReadOnlyDictionary<int, AdapterWeights> Adapters,
    AdapterWeights? Global = null,
    double? Exactness = null,
    double? Rounding = null)
{
    /// <summary>What the clients are worth, by game; null where it was not asked.</summary>
    public IReadOnlyList<ClientValues>? Values { get; init; }
}
