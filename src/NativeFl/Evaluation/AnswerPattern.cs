using System.Text.RegularExpressions;
using NativeFl.Tensors;

namespace NativeFl.Evaluation;

/// <summary>
/// What of a text is the answer: the first group of a regular expression's first match (the whole match if it has no group), or, without
/// an expression, everything. White space around it does not count.
/// </summary>
public sealed class AnswerPattern
{
    private const string Flag = "--extract";
    private const int LimitMilliseconds = 1000;

    private readonly Regex? _pattern;

    /// <summary>Reads a pattern, such as GSM8K's <c>#### (-?[\d,.]+)</c>; null takes the whole text.</summary>
    /// <exception cref="InvalidInputException">It is not a regular expression.</exception>
    public AnswerPattern(string? pattern)
    {
        if (pattern is null) return;
        try
        {
            _pattern = new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromMilliseconds(LimitMilliseconds));
        }
        catch (RegexParseException error)
        {
            throw new InvalidInputException(Flag, "a regular expression", $"\"{pattern}\" ({error.Error} at {error.Offset})", error);
        }
    }

    /// <summary>The answer in a text, or null if the pattern is not in it.</summary>
    /// <exception cref="InvalidInputException">The pattern takes more than a second on this text.</exception>
    public string? Extract(string text)
    {
        if (_pattern is null) return text.Trim();
        try
        {
            Match match = _pattern.Match(text);
            return match.Success ? match.Groups[match.Groups.Count > 1 ? 1 : 0].Value.Trim() : null;
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new InvalidInputException(Flag, "a pattern that needs less than a second a text", $"\"{_pattern}\"", error);
        }
    }
}
