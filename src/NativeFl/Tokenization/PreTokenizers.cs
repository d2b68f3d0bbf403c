namespace NativeFl.Tokenization;

/// <summary>Splits at the matches of a pattern.</summary>
internal sealed class SplitPreTokenizer(UnicodePattern pattern, SplitBehavior behavior, bool invert) : IPreTokenizer
{
    /// <inheritdoc/>
    public void Split(string word, TextPosition position, List<string> words)
    {
        var parts = new List<(int Start, int End, bool Match)>();
        int start = 0;
        foreach (Range match in pattern.Matches(word))
        {
            if (match.Start.Value > start) parts.Add((start, match.Start.Value, invert));
            parts.Add((match.Start.Value, match.End.Value, !invert));
            start = match.End.Value;
        }

        if (start < word.Length) parts.Add((start, word.Length, invert));
        foreach ((int from, int to) in Join(parts)) words.Add(word[from..to]);
    }

    private IEnumerable<(int Start, int End)> Join(List<(int Start, int End, bool Match)> parts)
    {
        if (behavior == SplitBehavior.Isolated) return parts.Select(p => (p.Start, p.End));
        if (behavior == SplitBehavior.Removed) return parts.Where(p => !p.Match).Select(p => (p.Start, p.End));
        var joined = new List<(int Start, int End)>();
        for (int i = 0; i < parts.Count; i++)
        {
            bool first = i == 0, match = parts[i].Match, previous = !first && parts[i - 1].Match;
            bool joins = !first && behavior switch
            {
                // Only the first of several neighbouring matches is merged into the word before it.
                SplitBehavior.MergedWithPrevious => match && !previous,
                SplitBehavior.MergedWithNext => previous && !match,
                _ => match == previous,
            };
            if (joins) joined[^1] = (joined[^1].Start, parts[i].End);
            else joined.Add((parts[i].Start, parts[i].End));
        }

        return joined;
    }
}

/// <summary>Maps every byte to its character (<see cref="ByteLevelAlphabet"/>), after GPT-2's split where the file asks for it.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, UnicodePattern? pattern) : IPreTokenizer
{
    /// <summary>The split of GPT-2 (Radford et al. 2019), as its encoder spells it.</summary>
    public const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <inheritdoc/>
    public void Split(string word, TextPosition position, List<string> words)
    {
        bool prefix = addPrefixSpace && position != TextPosition.Continuation && !word.StartsWith(' ');
        string text = prefix ? " " + word : word;
        if (pattern is null)
        {
            words.Add(ByteLevelAlphabet.Map(text));
            return;
        }

        var parts = new List<string>();
        new SplitPreTokenizer(pattern, SplitBehavior.Isolated, false).Split(text, position, parts);
        foreach (string part in parts) words.Add(ByteLevelAlphabet.Map(part));
    }
}

/// <summary>Replaces spaces by a visible mark, puts the mark in front, and splits before each mark.</summary>
internal sealed class MetaspacePreTokenizer(char mark, MetaspacePrefix prefix, bool split) : IPreTokenizer
{
    /// <inheritdoc/>
    public void Split(string word, TextPosition position, List<string> words)
    {
        string text = word.Replace(' ', mark);
        bool prepend = position switch
        {
            TextPosition.Start => prefix != MetaspacePrefix.Never,
            TextPosition.AfterToken => prefix == MetaspacePrefix.Always,
            _ => false,
        };
        if (prepend && !text.StartsWith(mark)) text = mark + text;
        int start = 0;
        for (int i = 1; split && i < text.Length; i++)
        {
            if (text[i] != mark) continue;
            words.Add(text[start..i]);
            start = i;
        }

        if (start < text.Length) words.Add(text[start..]);
    }
}

/// <summary>One after the other: each splits what the one before left.</summary>
internal sealed class SequencePreTokenizer(IReadOnlyList<IPreTokenizer> steps) : IPreTokenizer
{
    /// <inheritdoc/>
    public void Split(string word, TextPosition position, List<string> words)
    {
        var current = new List<string> { word };
        foreach (IPreTokenizer step in steps)
        {
            var next = new List<string>(current.Count);
            TextPosition at = position;
            foreach (string part in current)
            {
                step.Split(part, at, next);
                if (at == TextPosition.Start) at = TextPosition.AfterToken;
            }

            current = next;
        }

        words.AddRange(current);
    }
}
