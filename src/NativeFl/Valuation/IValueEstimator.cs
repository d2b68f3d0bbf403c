namespace NativeFl.Valuation;

/// <summary>
/// A way to tell the players' values from v(S) of some coalitions. It says which it wants, in an order that its seed fixes and that a
/// larger budget only continues; whoever measures them may take as many side by side as fit.
/// </summary>
public interface IValueEstimator
{
    /// <summary>Its name on the command line.</summary>
    string Name { get; }

    /// <summary>Players of the game.</summary>
    int Players { get; }

    /// <summary>The most coalitions that it asks for, the empty one not counted: that is the model as it is, the others are a fine-tuning each.</summary>
    int FineTunings { get; }

    /// <summary>What it wants measured next, each once; none when it has enough.</summary>
    /// <param name="values">What was measured so far, by itself or by others.</param>
    IReadOnlyList<Coalition> Next(CoalitionValues values);

    /// <summary>The players' values once <see cref="Next"/> wants nothing more.</summary>
    /// <exception cref="KeyNotFoundException">Something that it wants was not measured.</exception>
    IReadOnlyList<PlayerValue> Estimate(CoalitionValues values);
}
