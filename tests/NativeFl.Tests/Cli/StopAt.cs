namespace NativeFl.Tests.Cli;

/// <summary>A terminal at which somebody presses Ctrl-C when a text appears.</summary>
internal sealed class StopAt(string text, CancellationTokenSource stop) : StringWriter
{
    public override void Write(string? value)
    {
        base.Write(value);
        if (value?.Contains(text, StringComparison.Ordinal) == true) stop.Cancel();
    }
}
