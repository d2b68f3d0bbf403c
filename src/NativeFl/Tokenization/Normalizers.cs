using System.Text;
using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>NFC, NFD, NFKC or NFKD.</summary>
internal sealed class UnicodeNormalizer : INormalizer
{
    private readonly NormalizationForm _form;

    /// <summary>Checks that the machine can normalise at all: under invariant globalisation .NET silently does nothing.</summary>
    public UnicodeNormalizer(NormalizationForm form, string source)
    {
        _form = form;
        if ("e\u0301".Normalize(NormalizationForm.FormC) != "\u00e9")
        {
            throw new RunFailedException(
                $"{source}: Unicode normalisation does not work here (is invariant globalization on, or ICU missing?)");
        }
    }

    /// <inheritdoc/>
    public string Normalize(string text, TextPosition position)
    {
        if (Ascii.IsValid(text)) return text;
        try
        {
            return text.Normalize(_form);
        }
        catch (ArgumentException)
        {
            // A noncharacter such as U+FFFE has no other form; it makes .NET refuse the whole string, so go around it.
            return NormalizeAround(text);
        }
    }

    private string NormalizeAround(string text)
    {
        var result = new StringBuilder(text.Length);
        int start = 0;
        for (int i = 0; i < text.Length;)
        {
            Rune rune = Rune.GetRuneAt(text, i);
            bool noncharacter = (rune.Value & 0xFFFE) == 0xFFFE || rune.Value is >= 0xFDD0 and <= 0xFDEF;
            if (noncharacter)
            {
                result.Append(text[start..i].Normalize(_form)).Append(text, i, rune.Utf16SequenceLength);
                start = i + rune.Utf16SequenceLength;
            }

            i += rune.Utf16SequenceLength;
        }

        return result.Append(text[start..].Normalize(_form)).ToString();
    }
}

/// <summary>Puts a fixed text in front of any text that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : INormalizer
{
    /// <inheritdoc/>
    public string Normalize(string text, TextPosition position) =>
        text.Length == 0 || position == TextPosition.Continuation ? text : prefix + text;
}

/// <summary>Replaces every match of a pattern by a fixed text.</summary>
internal sealed class ReplaceNormalizer(UnicodePattern pattern, string replacement) : INormalizer
{
    /// <inheritdoc/>
    public string Normalize(string text, TextPosition position)
    {
        List<Range> matches = pattern.Matches(text);
        if (matches.Count == 0) return text;
        var result = new StringBuilder(text.Length);
        int start = 0;
        foreach (Range match in matches)
        {
            result.Append(text, start, match.Start.Value - start).Append(replacement);
            start = match.End.Value;
        }

        return result.Append(text, start, text.Length - start).ToString();
    }
}

/// <summary>One after the other.</summary>
internal sealed class SequenceNormalizer(IReadOnlyList<INormalizer> steps) : INormalizer
{
    /// <inheritdoc/>
    public string Normalize(string text, TextPosition position) =>
        steps.Aggregate(text, (current, step) => step.Normalize(current, position));
}
