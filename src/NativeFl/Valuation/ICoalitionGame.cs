namespace NativeFl.Valuation;

/// <summary>The v of a game: how good a model is that some of the players made.</summary>
public interface ICoalitionGame
{
    /// <summary>Players of the game.</summary>
    int Players { get; }

    /// <summary>How many coalitions it measures best at once.</summary>
    int AtOnce { get; }

    /// <summary>v of each, in their order; a number that is not finite where it came to nothing. The same coalition has the same value whatever it is measured beside.</summary>
    IReadOnlyList<double> Measure(IReadOnlyList<Coalition> coalitions, CancellationToken cancellation);
}
