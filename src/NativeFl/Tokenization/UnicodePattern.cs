using System.Globalization;
using System.Text.RegularExpressions;
using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>
/// A regular expression over code points with a time limit. .NET matches UTF-16 units, where half a surrogate pair is no letter, no
/// number and no symbol; the tokenizers' patterns mean code points. So a code point beyond the BMP is matched as a BMP stand-in of
/// its own general category: patterns can tell characters apart only by category or by naming them, and none names those.
/// </summary>
internal sealed class UnicodePattern
{
    private const double LimitSeconds = 5;
    private readonly Regex _regex;
    private readonly string _source;

    /// <summary>Compiles a pattern.</summary>
    /// <param name="pattern">The pattern as the file spells it.</param>
    /// <param name="source">File and entry, for messages.</param>
    /// <param name="literal">The pattern is a plain string.</param>
    /// <param name="limitSeconds">The longest that one match may take.</param>
    public UnicodePattern(string pattern, string source, bool literal = false, double limitSeconds = LimitSeconds)
    {
        _source = source;
        try
        {
            _regex = new Regex(literal ? Regex.Escape(StandIns(pattern)) : pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(limitSeconds));
        }
        catch (ArgumentException e)
        {
            throw new InvalidInputException(source, "a regular expression that .NET understands", Shown.Text(pattern), e);
        }
    }

    /// <summary>The matches that are not empty, from left to right, as UTF-16 ranges of the text.</summary>
    public List<Range> Matches(string text)
    {
        (string subject, int[]? offsets) = WithStandIns(text);
        var ranges = new List<Range>();
        try
        {
            foreach (ValueMatch match in _regex.EnumerateMatches(subject))
            {
                if (match.Length == 0) continue;
                int start = match.Index, end = match.Index + match.Length;
                ranges.Add(offsets is null ? start..end : offsets[start]..offsets[end]);
            }
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new InvalidInputException(
                _source, FormattableString.Invariant($"a pattern that matches within {_regex.MatchTimeout.TotalSeconds} s"), "one that backtracks without end", e);
        }

        return ranges;
    }

    private static string StandIns(string text) => WithStandIns(text).Subject;

    private static (string Subject, int[]? Offsets) WithStandIns(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\ud800', '\udbff')) return (text, null);
        var subject = new char[text.Length];
        int[] offsets = new int[text.Length + 1];
        int length = 0;
        for (int i = 0; i < text.Length; length++)
        {
            offsets[length] = i;
            bool pair = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            subject[length] = pair ? StandIn(CharUnicodeInfo.GetUnicodeCategory(char.ConvertToUtf32(text[i], text[i + 1]))) : text[i];
            i += pair ? 2 : 1;
        }

        offsets[length] = text.Length;
        return (new string(subject, 0, length), offsets);
    }

    private static char StandIn(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => '\u0186',
        UnicodeCategory.LowercaseLetter => '\u018d',
        UnicodeCategory.TitlecaseLetter => '\u01c5',
        UnicodeCategory.ModifierLetter => '\u02b0',
        UnicodeCategory.OtherLetter => '\u01bb',
        UnicodeCategory.NonSpacingMark => '\u0300',
        UnicodeCategory.SpacingCombiningMark => '\u0903',
        UnicodeCategory.EnclosingMark => '\u20dd',
        UnicodeCategory.DecimalDigitNumber => '\u0660',
        UnicodeCategory.LetterNumber => '\u2160',
        UnicodeCategory.OtherNumber => '\u2474',
        UnicodeCategory.ConnectorPunctuation => '\u203f',
        UnicodeCategory.DashPunctuation => '\u2014',
        UnicodeCategory.OpenPunctuation => '\u2045',
        UnicodeCategory.ClosePunctuation => '\u2046',
        UnicodeCategory.InitialQuotePunctuation => '\u00ab',
        UnicodeCategory.FinalQuotePunctuation => '\u00bb',
        UnicodeCategory.OtherPunctuation => '\u2020',
        UnicodeCategory.MathSymbol => '\u2200',
        UnicodeCategory.CurrencySymbol => '\u20ac',
        UnicodeCategory.ModifierSymbol => '\u02c2',
        UnicodeCategory.OtherSymbol => '\u2605',
        UnicodeCategory.Format => '\u200b',
        UnicodeCategory.PrivateUse => '\ue000',
        _ => '\ufdd0', // unassigned, a noncharacter of the BMP
    };
}
