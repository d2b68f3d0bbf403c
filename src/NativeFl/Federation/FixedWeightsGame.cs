using NativeFl.Models;
using NativeFl.Valuation;

namespace NativeFl.Federation;

/// <summary>
/// What every client's change added to the round: v(S) is the mean log-probability of the counted validation tokens under the base + Σ_{k∈S} p_k Δ_k,
/// p_k as in the round, also where not all are there. v(all) is the round's exact sum, v of nobody the model before it. A client that changed
/// nothing is worth exactly 0: with it and without it are the same weights.
/// </summary>
/// <param name="stack">The round.</param>
public sealed class FixedWeightsGame(ClientStack stack) : IClientGame
{
    /// <inheritdoc/>
    public string Name => "fixed";

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
        return coalition[player] ? stack.Changes.Weights[player] / stack.Changes.WeightOn(module, _ => true) : 0;
    }

    /// <inheritdoc/>
    public IReadOnlyList<double> Measure(IReadOnlyList<Coalition> coalitions, CancellationToken cancellation) =>
        CoalitionLosses.Values(this, coalitions, cancellation);
}
