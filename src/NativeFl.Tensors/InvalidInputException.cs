namespace NativeFl.Tensors;

/// <summary>
/// The input is wrong: a file, a flag or a record. The message names it and says what was expected and what was got; the command
/// line ends with exit code 2.
/// </summary>
public sealed class InvalidInputException : NativeFlException
{
    /// <summary>Names what is wrong.</summary>
    /// <param name="input">The file (with tensor, line or field where that helps) or the flag.</param>
    /// <param name="expected">What would have been right.</param>
    /// <param name="got">What was there.</param>
    /// <param name="inner">The error behind it, if any.</param>
    public InvalidInputException(string input, string expected, string got, Exception? inner = null)
        : base($"{input}: expected {expected}, got {got}", inner)
    {
        Input = input;
        Expected = expected;
        Got = got;
    }

    /// <summary>The file or flag.</summary>
    public string Input { get; }

    /// <summary>What would have been right.</summary>
    public string Expected { get; }

    /// <summary>What was there.</summary>
    public string Got { get; }
}
