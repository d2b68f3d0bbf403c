using System.Globalization;
using NativeFl.Data;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>How a federation tells what its clients are worth, round after round.</summary>
public sealed record ClientValueOptions
{
    /// <summary>The share of a round's training operations that its values may take.</summary>
    public const double DefaultBudget = 0.1;

    /// <summary>The game or games, see <see cref="ClientGames"/>.</summary>
    public string Games { get; init; } = "fixed";

    /// <summary>What v is measured on; no client trains on it.</summary>
    public required IReadOnlyList<TokenizedExample> Validation { get; init; }

    /// <summary>The share of a round's training operations that its values may take.</summary>
    public double Budget { get; init; } = DefaultBudget;

    /// <summary>exact, antithetic or first-order; null: the first of them that the budget allows.</summary>
    public string? Estimator { get; init; }

    /// <summary>Whether the clients of a round weigh what they are worth in it (in the first game, clipped at 0) rather than p_k.</summary>
    public bool SetsWeights { get; init; }

    /// <summary>Token rows of a pass; nothing but rounding depends on it.</summary>
    public int MaxRows { get; init; } = 2048;

    /// <summary>Refuses a method whose model is not a sum of its clients' changes.</summary>
    /// <exception cref="InvalidInputException">It is such a one.</exception>
    public static void Require(IFederationMethod method)
    {
        ArgumentNullException.ThrowIfNull(method);
        if (method is IAggregationMethod and not (LocalTraining or CentralizedTraining or FedAvgAsReleased)) return;
        throw new InvalidInputException("--value-clients", "a method that sums up its clients' adapters", $"--method {method.Name}");
    }

    /// <summary>Refuses what cannot run, by flag.</summary>
    /// <exception cref="InvalidInputException">A value is out of range.</exception>
    public void Validate()
    {
        ClientGames.Count(Games);
        if (!(Budget > 0) || !double.IsFinite(Budget))
            throw new InvalidInputException("--value-budget", "a share above 0", Budget.ToString(CultureInfo.InvariantCulture));
        if (Validation.All(example => example.CountedTokens == 0)) throw new InvalidInputException("--value-data", "at least one token to score", "none");
    }
}
