using NativeFl.Models;
using NativeFl.Valuation;

namespace NativeFl.Federation;

/// <summary>
/// What a round would have come to with some of the clients only: v(S) is the mean log-probability of the counted validation tokens under the
/// base + Σ_{k∈S} (p_k / Σ_{j∈S} p_j) Δ_k; v of nobody is the model before the round, v({k}) that with the whole of k's change. A client that
/// changed nothing takes weight from the others, and is worth what that does.
/// </summary>
/// <param name="stack">The round.</param>
public sealed class RenormalisedWeightsGame(ClientStack stack) : IClientGame
{
    /// <inheritdoc/>
    public string Name => "renormalised";

    /// <inheritdoc/>
    public ClientStack Stack => stack;

    /// <inheritdoc/>
    public int Players => stack.Changes.Ids.Count;

    /// <inheritdoc/>
    public int AtOnce => stack.AtOnce;

    /// <inheritdoc/>
    public double WeightOf(Coalition coalition, int player, ModuleId? module)
    {
        ArgumentNullException.ThrowIfNull(coalition);
        return coalition[player] ? stack.Changes.Weights[player] / stack.Changes.WeightOn(module, k => coalition[k]) : 0;
    }

    /// <inheritdoc/>
    public IReadOnlyList<double> Measure(IReadOnlyList<Coalition> coalitions, CancellationToken cancellation) =>
        CoalitionLosses.Values(this, coalitions, cancellation);
}
