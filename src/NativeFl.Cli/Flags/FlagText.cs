using NativeFl.Tensors;

namespace NativeFl.Cli.Flags;

/// <summary>A value as it was given, and where.</summary>
/// <param name="Source">"--lr", or "run.json: $.lr".</param>
/// <param name="Tokens">One for a scalar, one or more for a list.</param>
internal sealed record FlagText(string Source, IReadOnlyList<string> Tokens)
{
    /// <summary>The text of a scalar.</summary>
    public string Single => Tokens.Count == 1 ? Tokens[0] : throw Error("one value");

    /// <summary>The items of a list: every token, cut at its commas.</summary>
    public IEnumerable<string> Items => Tokens.SelectMany(t => t.Split(',')).Select(t => t.Trim());

    /// <summary>The error that names the flag, what it takes and what it was given.</summary>
    public InvalidInputException Error(string expected) => Error(expected, $"'{string.Join(' ', Tokens)}'");

    /// <summary>The same, with other words for what it was given.</summary>
    public InvalidInputException Error(string expected, string got) => new(Source, expected, got);
}
