using System.Globalization;
using System.Text.RegularExpressions;
using NativeFl.Tensors;
using static System.FormattableString;

namespace NativeFl.Models;

/// <summary>
/// A regular expression over module names that came from a file or a flag. It is matched in linear time where the pattern allows that,
/// and within a time limit where it needs backtracking.
/// </summary>
internal sealed class ModulePattern
{
    // The time limit is not looked at inside counted loops, and their memory grows with the product of the counts.
    private const int MaxLength = 2048, MaxDepth = 32, MaxRepeats = 10_000;

    private static readonly TimeSpan TimeLimit = TimeSpan.FromMilliseconds(100);

    private readonly Regex _regex;
    private readonly string _where;

    /// <summary>A pattern that has to match a whole name (Python's re.fullmatch).</summary>
    public ModulePattern(string pattern, string where)
    {
        _where = where;
        CheckSize(pattern, where);
        string whole = $@"\A(?:{pattern})\z";
        try
        {
            _regex = Make(whole);
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

    private static Regex Make(string whole)
    {
        try
        {
            return new Regex(whole, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, TimeLimit);
        }
        catch (NotSupportedException)
        {
            // Look-arounds and back-references.
            return new Regex(whole, RegexOptions.CultureInvariant, TimeLimit);
        }
    }

    private static void CheckSize(string pattern, string where)
    {
        if (pattern.Length > MaxLength)
            throw new InvalidInputException(
                where, Invariant($"a pattern of at most {MaxLength} characters"), Invariant($"{pattern.Length}"));
        int depth = 0, deepest = 0;
        double repeats = 1;
        for (int i = 0; i < pattern.Length; i++)
        {
            depth += pattern[i] switch { '(' => 1, ')' => -1, _ => 0 };
            deepest = Math.Max(deepest, depth);
            if (pattern[i] == '{') repeats *= Math.Max(1, LargestCount(pattern.AsSpan(i + 1)));
        }

        if (deepest > MaxDepth)
            throw new InvalidInputException(where, Invariant($"at most {MaxDepth} groups in each other"), Invariant($"{deepest}"));
        if (repeats > MaxRepeats)
            throw new InvalidInputException(
                where, Invariant($"repeat counts whose product is at most {MaxRepeats}"), JsonFile.Quote(pattern));
    }

    // The larger number of "3}", "3,}" or "3,5}"; 0 for any other text after a brace.
    private static double LargestCount(ReadOnlySpan<char> text)
    {
        double largest = 0;
        while (true)
        {
            int digits = text.IndexOfAnyExceptInRange('0', '9');
            if (digits < 0) return 0;
            if (digits > 0) largest = Math.Max(largest, double.Parse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture));
            if (text[digits] == '}') return largest;
            if (text[digits] != ',') return 0;
            text = text[(digits + 1)..];
        }
    }
}
