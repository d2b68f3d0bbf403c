namespace NativeFl.Cli;

/// <summary>Where a run prints: stdout is for results, stderr for everything else.</summary>
/// <param name="Out">stdout.</param>
/// <param name="Error">stderr.</param>
/// <param name="IsOutTerminal">Whether somebody watches stdout, so that generated text streams.</param>
/// <param name="IsErrorTerminal">Whether somebody watches stderr, so that a progress bar makes sense.</param>
internal sealed record VerbConsole(TextWriter Out, TextWriter Error, bool IsOutTerminal = false, bool IsErrorTerminal = false);
