namespace NativeFl.Federation;

/// <summary>What the clients of a round are worth in one game.</summary>
public sealed record ClientValues
{
    /// <summary>The game's name.</summary>
    public required string Game { get; init; }

    /// <summary>How it was estimated, and what that may have cost for all games of the round together.</summary>
    public required ClientValuePlan Plan { get; init; }

    /// <summary>The clients that count, by id.</summary>
    public required IReadOnlyList<ClientValue> Clients { get; init; }

    /// <summary>v of nobody; null where it was not measured.</summary>
    public double? Empty { get; init; }

    /// <summary>v of all; null where it was not measured.</summary>
    public double? All { get; init; }

    /// <summary>Coalitions whose value was not finite.</summary>
    public int LeftOut { get; init; }

    /// <summary>Passes over the validation examples that this game took; what a game before it had measured is not counted again.</summary>
    public int Evaluations { get; init; }

    /// <summary>Floating-point operations of these passes, and of the backward pass of the round's first game if its values are of first order.</summary>
    public double Operations { get; init; }
}
