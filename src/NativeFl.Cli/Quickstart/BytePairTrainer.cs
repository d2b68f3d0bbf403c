using System.Text;
using System.Text.RegularExpressions;

namespace NativeFl.Cli.Quickstart;

/// <summary>
/// Learns a byte-level byte-pair encoding: starting from the 256 bytes, the most frequent adjacent pair inside a word becomes a token,
/// again and again (Sennrich, Haddow, Birch 2016, arXiv:1508.07909, on bytes as in GPT-2).
/// </summary>
internal sealed partial class BytePairTrainer
{
    /// <summary>Cuts text into words before bytes are merged: Llama 3's pattern, but a number keeps the space before it.</summary>
    public const string Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private BytePairTrainer(IReadOnlyList<string> vocabulary, IReadOnlyList<(string Left, string Right)> merges)
    {
        Vocabulary = vocabulary;
        Merges = merges;
    }

    /// <summary>The tokens by id, in the byte-to-letter spelling of tokenizer.json.</summary>
    public IReadOnlyList<string> Vocabulary { get; }

    /// <summary>What was merged, in order.</summary>
    public IReadOnlyList<(string Left, string Right)> Merges { get; }

    /// <summary>Learns at most <paramref name="merges"/> merges; pairs that occur once are not worth one. Ties go to the smaller pair.</summary>
    public static BytePairTrainer Learn(IEnumerable<string> texts, int merges)
    {
        string[] letters = ByteLetters();
        List<string> vocabulary = [.. letters];
        List<(string, string)> learnt = [];
        List<(List<string> Tokens, int Count)> words = [.. texts
            .SelectMany(text => WordPattern().Matches(text).Select(m => m.Value))
            .CountBy(word => word)
            .OrderBy(word => word.Key, StringComparer.Ordinal)
            .Select(word => (Encoding.UTF8.GetBytes(word.Key).Select(b => letters[b]).ToList(), word.Value))];
        while (learnt.Count < merges && MostFrequentPair(words) is { } pair)
        {
            learnt.Add(pair);
            vocabulary.Add(pair.Left + pair.Right);
            foreach ((List<string> tokens, _) in words) Merge(tokens, pair);
        }

        return new BytePairTrainer(vocabulary, learnt);
    }

    /// <summary>GPT-2's printable letter for every byte: printable ones stand for themselves, the rest take U+0100 and up.</summary>
    private static string[] ByteLetters()
    {
        var letters = new string[256];
        int next = 256;
        for (int b = 0; b < 256; b++)
        {
            bool isPrintable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            letters[b] = ((char)(isPrintable ? b : next++)).ToString();
        }

        return letters;
    }

    private static (string Left, string Right)? MostFrequentPair(List<(List<string> Tokens, int Count)> words)
    {
        Dictionary<(string Left, string Right), int> counts = [];
        foreach ((List<string> tokens, int count) in words)
        {
            for (int i = 0; i + 1 < tokens.Count; i++)
                counts[(tokens[i], tokens[i + 1])] = counts.GetValueOrDefault((tokens[i], tokens[i + 1])) + count;
        }

        (string Left, string Right)? best = null;
        int most = 1;
        foreach (((string Left, string Right) pair, int count) in counts)
        {
            if (count < most || (count == most && (best is null || Compare(pair, best.Value) > 0))) continue;
            (best, most) = (pair, count);
        }

        return best;
    }

    private static int Compare((string Left, string Right) a, (string Left, string Right) b)
    {
        int left = string.CompareOrdinal(a.Left, b.Left);
        return left != 0 ? left : string.CompareOrdinal(a.Right, b.Right);
    }

    private static void Merge(List<string> tokens, (string Left, string Right) pair)
    {
        for (int i = 0; i + 1 < tokens.Count; i++)
        {
            if (tokens[i] != pair.Left || tokens[i + 1] != pair.Right) continue;
            tokens[i] += tokens[i + 1];
            tokens.RemoveAt(i + 1);
        }
    }

    [GeneratedRegex(Pattern)]
    private static partial Regex WordPattern();
}
