using System.Globalization;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace NativeFl.Tokenization;

/// <summary>The BPE model of a tokenizer.json: one pre-tokenised word in, piece ids out.</summary>
/// <remarks>
/// The merging of byte-level words is Microsoft.ML.Tokenizers' <see cref="BpeTokenizer"/>. Around it: ignore_merges and byte_fallback,
/// which it does not have; characters beyond the BMP, which it takes apart; and long words, on which it is quadratic (1 MB of one
/// letter takes it minutes). Those go through <see cref="PairMerger"/>, which gives the same ids.
/// </remarks>
internal sealed class BytePairModel
{
    /// <summary>Words of this many characters and more go around the library.</summary>
    internal const int LongWord = 256;

    private readonly BytePairModelContent _content;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _pieces;
    private readonly PairMerger _merger;
    private readonly BpeTokenizer? _library;
    private readonly int _unknown;

    /// <summary>Takes a validated model.</summary>
    public BytePairModel(BytePairModelContent content, bool byteLevel)
    {
        _content = content;
        _pieces = content.Vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _unknown = content.UnknownPiece is { } unknown ? content.Vocabulary[unknown] : -1;
        var merges = new Dictionary<long, (int, int)>(content.Merges.Count);
        for (int rank = 0; rank < content.Merges.Count; rank++)
        {
            (string left, string right) = content.Merges[rank];
            merges[PairMerger.Pair(content.Vocabulary[left], content.Vocabulary[right])] = (rank, content.Vocabulary[left + right]);
        }

        _merger = new PairMerger(merges);
        if (byteLevel && !content.ByteFallback && content.Vocabulary.Count > 0) _library = MakeLibrary(content);
    }

    /// <summary>Appends the ids of one word.</summary>
    public void Encode(string word, List<int> ids)
    {
        if (word.Length == 0) return;
        if (_content.IgnoreMerges && _content.Vocabulary.TryGetValue(word, out int whole)) ids.Add(whole);
        else if (_library is not null && word.Length < LongWord) ids.AddRange(_library.EncodeToIds(word, false, false));
        else EncodeSlowly(word, ids);
    }

    /// <summary>The same ids without the library.</summary>
    internal void EncodeSlowly(string word, List<int> ids)
    {
        int[] symbols = new int[Encoding.UTF8.GetMaxByteCount(word.Length)];
        int length = 0;
        bool pendingUnknown = false;
        Span<char> utf16 = stackalloc char[2];
        foreach (Rune rune in word.EnumerateRunes())
        {
            ReadOnlySpan<char> character = utf16[..rune.EncodeToUtf16(utf16)];
            if (_pieces.TryGetValue(character, out int id)) symbols[length++] = id;
            else if (_content.ByteFallback && TryBytes(rune, symbols, ref length)) { }
            else if (_unknown < 0) continue;
            else
            {
                if (!pendingUnknown || !_content.FuseUnknown) symbols[length++] = _unknown;
                pendingUnknown = true;
                continue;
            }

            pendingUnknown = false;
        }

        Span<int> merged = symbols.AsSpan(0, length);
        _merger.Merge(merged, out int count);
        foreach (int id in merged[..count]) ids.Add(id);
    }

    /// <summary>The name of the piece that stands for one byte.</summary>
    internal static string BytePiece(byte value) => string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");

    private bool TryBytes(Rune rune, int[] symbols, ref int length)
    {
        Span<byte> utf8 = stackalloc byte[4];
        int bytes = rune.EncodeToUtf8(utf8);
        for (int i = 0; i < bytes; i++)
        {
            if (!_content.Vocabulary.TryGetValue(BytePiece(utf8[i]), out symbols[length + i])) return false;
        }

        length += bytes;
        return true;
    }

    private static BpeTokenizer MakeLibrary(BytePairModelContent content) => BpeTokenizer.Create(new BpeOptions(content.Vocabulary)
    {
        Merges = content.Merges.Select(m => $"{m.Left} {m.Right}"),
        UnknownToken = content.UnknownPiece,
        FuseUnknownTokens = content.FuseUnknown,
        PreTokenizer = null,
        Normalizer = null,
    });
}
