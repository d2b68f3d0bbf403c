using System.Text.RegularExpressions;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// A regular expression over module names that came from a file or a flag. It is matched in linear time where the pattern allows that,
/// and within a time limit where it needs backtracking.
/// </summary>
internal sealed class ModulePattern
{
    private const int MaxLength = 4096;

    private static readonly TimeSpan TimeLimit = TimeSpan.FromMilliseconds(100);

    private readonly Regex _regex;
    private readonly string _where;

    /// <summary>A pattern that has to match a whole name (Python's re.fullmatch).</summary>
    public ModulePattern(string pattern, string where)
    {
        _where = where;
        if (pattern.Length > MaxLength) throw new InvalidInputException(where, $"a pattern of at most {MaxLength} characters", $"{pattern.Length}");
        string whole = $@"\A(?:{pattern})\z";
        try
        {
            _regex = new Regex(whole, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, TimeLimit);
        }
        catch (NotSupportedException)
        {
            _regex = new Regex(whole, RegexOptions.CultureInvariant, TimeLimit);
        }
        catch (ArgumentException e)
        {
            throw new InvalidInputException(where, "a regular expression", JsonFile.Quote(pattern), e);
        }
    }

    /// <summary>Whether the pattern matches a name.</summary>
    /// <exception cref="InvalidInputException">It takes too long.</exception>
    public bool IsMatch(string name)
    {
        try
        {
            return _regex.IsMatch(name);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new InvalidInputException(_where, "a pattern that is matched within 100 ms", "a slower one", e);
        }
    }
}
