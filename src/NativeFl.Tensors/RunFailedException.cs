namespace NativeFl.Tensors;

/// <summary>The input was right but the run could not be finished (a diverged loss, a missing device); exit code 1.</summary>
public sealed class RunFailedException(string message, Exception? inner = null) : NativeFlException(message, inner);
