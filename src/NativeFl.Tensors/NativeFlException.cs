namespace NativeFl.Tensors;

/// <summary>The base of every error that NativeFl reports on purpose. Its message is one line.</summary>
public abstract class NativeFlException : Exception
{
    /// <summary>Makes an error with a one-line message.</summary>
    protected NativeFlException(string message, Exception? inner = null)
        : base(OneLine(message), inner)
    {
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ");
}
