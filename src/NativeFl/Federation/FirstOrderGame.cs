using NativeFl.Models;
using NativeFl.Valuation;

namespace NativeFl.Federation;

/// <summary>
/// A client game as its slope tells it: v(S) ≈ v(∅) + Σ_k w_k(S) ∂v/∂w_k, the slope taken half-way from nobody to all, w = w(all) / 2. Where v is
/// quadratic in the weights, the fixed game's Shapley values are exactly φ_k = p_k ∂v/∂w_k at p / 2: a client's own curvature counts in full and what
/// two have in common is halved, as Shapley's does. v(∅) is left out; it is in no marginal.
/// </summary>
internal sealed class FirstOrderGame : ICoalitionGame
{
    private readonly ClientGame _game;
    private readonly ModuleId?[] _modules;
    private readonly double[][] _slopes; // by module and client

    /// <param name="game">The game.</param>
    /// <param name="slopes">By module and adapter of the stack, w_k ∂(Σ −log p)/∂w_k at w(all) / 2.</param>
    public FirstOrderGame(ClientGame game, IReadOnlyDictionary<ModuleId, double[]> slopes)
    {
        _game = game;
        Players = game.Players;
        bool isUniform = game.Stack.Changes.Renormalization == Renormalization.None;
        Coalition all = Coalition.All(Players);
        _modules = isUniform ? [null] : [.. slopes.Keys.Order().Select(module => (ModuleId?)module)];
        _slopes = [.. _modules.Select(module =>
        {
            double[] sums = [.. Enumerable.Range(0, Players).Select(k => module is { } id ? slopes[id][k] : slopes.Values.Sum(s => s[k]))];
            return sums.Select((sum, k) => sum == 0 ? 0 : sum / (0.5 * game.WeightOf(all, k, module))).ToArray();
        })];
    }

    /// <inheritdoc/>
    public int Players { get; }

    /// <inheritdoc/>
    public int AtOnce => 1024;

    /// <inheritdoc/>
    public IReadOnlyList<double> Measure(IReadOnlyList<Coalition> coalitions, CancellationToken cancellation) => [.. coalitions.Select(Measure)];

    private double Measure(Coalition coalition)
    {
        double sum = 0;
        for (int m = 0; m < _modules.Length; m++)
        {
            foreach (int k in coalition.Members)
            {
                if (_slopes[m][k] != 0) sum -= _game.WeightOf(coalition, k, _modules[m]) * _slopes[m][k];
            }
        }

        return sum;
    }
}
