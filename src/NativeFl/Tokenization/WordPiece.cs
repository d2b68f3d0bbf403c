using System.Globalization;
using System.Text;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>
/// BERT's tokenizer (Devlin et al., arXiv:1810.04805; WordPiece by Wu et al., arXiv:1609.08144): words at white space and every punctuation mark or
/// Chinese character by itself, lower-cased and without accents where tokenizer_config.json says so, each cut into the longest pieces of vocab.txt
/// from the front; a word that cannot be cut is [UNK]. The spelling of a special token in a text stays text.
/// </summary>
/// <remarks>Microsoft.ML.Tokenizers' BertTokenizer is not used: it drops symbols that are neither letters nor punctuation, which are words here.</remarks>
internal sealed class WordPiece
{
    private const int LongestWord = 100;
    private const string Unknown = "[UNK]", First = "[CLS]", Last = "[SEP]";

    private readonly Dictionary<string, int> _ids;
    private readonly int _longest;
    private readonly bool _lower, _strip, _cjk;

    private WordPiece(Dictionary<string, int> ids, (bool Lower, bool Strip, bool Cjk) settings)
    {
        _ids = ids;
        _longest = ids.Keys.Max(token => token.Length);
        (_lower, _strip, _cjk) = settings;
    }

    /// <summary>Entries of vocab.txt.</summary>
    public int Vocabulary => _ids.Count;

    /// <summary>Reads vocab.txt and, where it is there, tokenizer_config.json.</summary>
    /// <exception cref="InvalidInputException">A file is no such thing, or a special token is not in the vocabulary.</exception>
    public static WordPiece Load(string folder)
    {
        string path = Path.Combine(folder, "vocab.txt");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string token in Lines(path))
        {
            if (!ids.TryAdd(token, ids.Count)) throw new InvalidInputException(path, "every token once", $"{Shown.Text(token)} twice");
        }

        foreach (string special in new[] { Unknown, First, Last })
        {
            if (!ids.ContainsKey(special)) throw new InvalidInputException(path, $"a WordPiece vocabulary with {special}", "one without it");
        }

        return new WordPiece(ids, Settings(Path.Combine(folder, "tokenizer_config.json")));
    }

    /// <summary>[CLS], the text's pieces as far as they fit, [SEP].</summary>
    /// <param name="text">Any text.</param>
    /// <param name="maxLength">Ids, at least 2.</param>
    public int[] Encode(string text, int maxLength) => [_ids[First], .. Pieces(text).Take(maxLength - 2), _ids[Last]];

    /// <summary>The text's own pieces.</summary>
    public IEnumerable<int> Pieces(string text) => Words(text).SelectMany(Cut);

    private static string[] Lines(string path)
    {
        if (!File.Exists(path)) throw new InvalidInputException(path, "a WordPiece vocabulary", "no such file");
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(path, "a readable file", e.Message, e);
        }
    }

    /// <summary>Transformers' defaults; where strip_accents is not said, lower-casing decides it.</summary>
    private static (bool Lower, bool Strip, bool Cjk) Settings(string path)
    {
        if (!File.Exists(path)) return (true, true, true);
        JsonFields fields = new(Models.JsonFile.Read(path), path);
        bool lower = fields.Bool("do_lower_case", true);
        return (lower, fields.Bool("strip_accents", lower), fields.Bool("tokenize_chinese_chars", true));
    }

    private IEnumerable<string> Words(string text)
    {
        var word = new StringBuilder();
        foreach (Rune rune in Clean(text).EnumerateRunes())
        {
            bool isApart = IsPunctuation(rune) || (_cjk && IsChinese(rune.Value));
            if ((isApart || IsSpace(rune)) && word.Length > 0)
            {
                yield return word.ToString();
                word.Clear();
            }

            if (isApart) yield return rune.ToString();
            else if (!IsSpace(rune)) word.Append(rune.ToString());
        }

        if (word.Length > 0) yield return word.ToString();
    }

    private string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (rune.Value != 0xFFFD && !IsControl(rune)) clean.Append((_lower ? Rune.ToLowerInvariant(rune) : rune).ToString());
        }

        if (!_strip) return clean.ToString();
        var bare = new StringBuilder(clean.Length);
        foreach (Rune rune in clean.ToString().Normalize(NormalizationForm.FormD).EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) != UnicodeCategory.NonSpacingMark) bare.Append(rune.ToString());
        }

        return bare.ToString();
    }

    private IReadOnlyList<int> Cut(string word)
    {
        if (word.EnumerateRunes().Count() > LongestWord) return [_ids[Unknown]];
        List<int> pieces = [];
        for (int start = 0; start < word.Length;)
        {
            string mark = start == 0 ? "" : "##";
            int end = Math.Min(word.Length, start + _longest), id = -1;
            while (end > start && !_ids.TryGetValue(mark + word[start..end], out id)) end--;
            if (end == start) return [_ids[Unknown]];
            pieces.Add(id);
            start = end;
        }

        return pieces;
    }

    private static bool IsSpace(Rune rune) => rune.Value is ' ' or '\t' or '\n' or '\r' || Rune.GetUnicodeCategory(rune) == UnicodeCategory.SpaceSeparator;

    private static bool IsControl(Rune rune) => rune.Value is not ('\t' or '\n' or '\r') && Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned;

    // All of ASCII that is no letter, digit or space counts, also where Unicode calls it a symbol.
    private static bool IsPunctuation(Rune rune) => rune.IsAscii
        ? rune.Value is > 32 and < 127 && !Rune.IsLetterOrDigit(rune)
        : Rune.IsPunctuation(rune);

    private static bool IsChinese(int c) => c is >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF or >= 0x20000 and <= 0x2A6DF or >= 0x2A700 and <= 0x2B73F
        or >= 0x2B740 and <= 0x2B81F or >= 0x2B820 and <= 0x2CEAF or >= 0xF900 and <= 0xFAFF or >= 0x2F800 and <= 0x2FA1F;
}
