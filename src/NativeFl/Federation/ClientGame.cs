using NativeFl.Evaluation;
using NativeFl.Models;
using NativeFl.Valuation;

namespace NativeFl.Federation;

/// <summary>
/// A game of a round's clients, played by masks on their stack: v(S) is the mean log-probability of the counted validation tokens under the
/// base + Σ_{k∈S} w_k(S) Δ_k; v of nobody is the model before the round, v(all) that with the round's exact sum.
/// </summary>
public sealed class ClientGame : ICoalitionGame
{
    private ClientGame(string name, ClientStack stack) => (Name, Stack) = (name, stack);

    /// <summary>Its name on the command line.</summary>
    public string Name { get; }

    /// <summary>The round.</summary>
    public ClientStack Stack { get; }

    /// <summary>Whether those who are there share the weights of those who are not.</summary>
    public bool IsRenormalised { get; private init; }

    /// <inheritdoc/>
    public int Players => Stack.Changes.Ids.Count;

    /// <inheritdoc/>
    public int AtOnce => Stack.AtOnce;

    /// <summary>
    /// What every client's change added to the round: w_k = p_k, as in the round, also where not all are there. A client that changed nothing is
    /// worth exactly 0: with it and without it are the same weights.
    /// </summary>
    /// <param name="stack">The round.</param>
    public static ClientGame Fixed(ClientStack stack) => new("fixed", stack);

    /// <summary>
    /// What a round would have come to with some of the clients only: w_k = p_k / Σ_{j∈S} p_j, so that v({k}) is the model with the whole of k's
    /// change. A client that changed nothing takes weight from the others, and is worth what that does.
    /// </summary>
    /// <param name="stack">The round.</param>
    public static ClientGame Renormalised(ClientStack stack) => new("renormalised", stack) { IsRenormalised = true };

    /// <summary>What a client's change weighs in a coalition; 0 for who is not in it.</summary>
    /// <param name="coalition">Who is there.</param>
    /// <param name="player">The client.</param>
    /// <param name="module">Where; it matters under <see cref="Renormalization.Module"/> alone.</param>
    public double WeightOf(Coalition coalition, int player, ModuleId? module)
    {
        ArgumentNullException.ThrowIfNull(coalition);
        return coalition[player] ? Stack.Changes.Weights[player] / Stack.Changes.WeightOn(module, k => !IsRenormalised || coalition[k]) : 0;
    }

    /// <inheritdoc/>
    public IReadOnlyList<double> Measure(IReadOnlyList<Coalition> coalitions, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(coalitions);
        return [.. Losses(coalitions, cancellation).Select(losses => -new ClusteredMean(losses.Zip(Stack.Counted)).Mean)];
    }

    /// <summary>By coalition and example, Σ −log p; what was measured is not measured again.</summary>
    internal IReadOnlyList<double[]> Losses(IReadOnlyList<Coalition> coalitions, CancellationToken cancellation) => Stack.Losses(
        [.. coalitions.Select(coalition => Stack.Mixture((player, module) => WeightOf(coalition, player, module)))], cancellation);
}
