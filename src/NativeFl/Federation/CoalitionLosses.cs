using NativeFl.Evaluation;
using NativeFl.Models;
using NativeFl.Valuation;

namespace NativeFl.Federation;

/// <summary>Coalitions of a client game as mixtures of its stack, and their losses.</summary>
internal static class CoalitionLosses
{
    /// <summary>v(S) = −Σ loss / Σ counted tokens of every coalition.</summary>
    public static double[] Values(IClientGame game, IReadOnlyList<Coalition> coalitions, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(coalitions);
        return [.. Of(game, coalitions, cancellation).Select(losses => -new ClusteredMean(losses.Zip(game.Stack.Counted)).Mean)];
    }

    /// <summary>By coalition and example, Σ −log p; what was measured is not measured again.</summary>
    public static IReadOnlyList<double[]> Of(IClientGame game, IReadOnlyList<Coalition> coalitions, CancellationToken cancellation) =>
        game.Stack.Losses([.. coalitions.Select(coalition => Mixture(game, coalition))], cancellation);

    /// <summary>The weights of a coalition.</summary>
    public static StackMixture Mixture(IClientGame game, Coalition coalition)
    {
        bool isUniform = game.Stack.Changes.Renormalization == Renormalization.None;
        return game.Stack.Mixture((player, module) => game.WeightOf(coalition, player, isUniform ? null : module));
    }
}
