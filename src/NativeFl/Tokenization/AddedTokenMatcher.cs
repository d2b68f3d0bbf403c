using System.Globalization;
using System.Text;

namespace NativeFl.Tokenization;

/// <summary>Finds added tokens in text: leftmost first, the longest of those that start together.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly List<Dictionary<char, int>> _children = [[]];
    private readonly List<AddedToken?> _ends = [null];

    /// <summary>Builds a trie of the spellings to look for.</summary>
    public AddedTokenMatcher(IEnumerable<(string Spelling, AddedToken Token)> tokens)
    {
        foreach ((string spelling, AddedToken token) in tokens)
        {
            if (spelling.Length == 0) continue;
            int node = 0;
            foreach (char c in spelling)
            {
                if (!_children[node].TryGetValue(c, out int child))
                {
                    child = _children.Count;
                    _children[node][c] = child;
                    _children.Add([]);
                    _ends.Add(null);
                }

                node = child;
            }

            _ends[node] ??= token;
        }
    }

    /// <summary>The tokens in a text, from left to right, with the characters each one takes.</summary>
    public IEnumerable<(int Start, int End, AddedToken Token)> Find(string text)
    {
        if (_children.Count == 1) yield break;
        int free = 0;
        for (int i = 0; i < text.Length;)
        {
            (AddedToken? token, int length) = Longest(text, i);
            if (token is null)
            {
                i++;
                continue;
            }

            int start = i, end = i + length;
            i = end;
            if (start < free || (token.SingleWord && (EndsInWord(text, start) || StartsWord(text, end)))) continue;
            while (token.LeftStrip && start > free && char.IsWhiteSpace(text[start - 1])) start--;
            while (token.RightStrip && end < text.Length && char.IsWhiteSpace(text[end])) end++;
            free = end;
            yield return (start, end, token);
        }
    }

    private (AddedToken? Token, int Length) Longest(string text, int start)
    {
        (AddedToken? Token, int Length) best = (null, 0);
        int node = 0;
        for (int i = start; i < text.Length && _children[node].TryGetValue(text[i], out node); i++)
        {
            if (_ends[node] is { } token) best = (token, i + 1 - start);
        }

        return best;
    }

    private static bool EndsInWord(string text, int end) =>
        end > 0 && Rune.DecodeLastFromUtf16(text.AsSpan(0, end), out Rune rune, out _) == System.Buffers.OperationStatus.Done && IsWord(rune);

    private static bool StartsWord(string text, int start) =>
        start < text.Length && Rune.TryGetRuneAt(text, start, out Rune rune) && IsWord(rune);

    // \w: letters, marks, decimal digits, connectors.
    private static bool IsWord(Rune rune) => Rune.IsLetter(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark
        or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.DecimalDigitNumber
        or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation;
}
