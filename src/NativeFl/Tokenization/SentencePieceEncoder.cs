using System.Text;

namespace NativeFl.Tokenization;

/// <summary>
/// SentencePiece BPE: of all neighbours that join to a piece, the pair whose piece has the best score is merged first, the leftmost on
/// a tie (Kudo and Richardson 2018; bpe_model.cc).
/// </summary>
/// <remarks>
/// Microsoft.ML.Tokenizers' LlamaTokenizer is not used: on ties it sometimes merges the right one of two equal pairs ("000", "LLL"), it
/// ignores remove_extra_whitespaces, and it does not look for user-defined pieces.
/// </remarks>
internal sealed class SentencePieceEncoder : ITextEncoder
{
    /// <summary>Stands for a space (U+2581).</summary>
    public const char Mark = '\u2581';

    // A character that is no piece by itself may still be half of one: its symbol is FirstCharacter − code point, below the merger's −1.
    private const int FirstCharacter = -2;

    private readonly SentencePieceProto _proto;
    private readonly AddedTokenMatcher _userDefined;
    private readonly PairMerger _merger;
    private readonly Dictionary<string, int> _pieces;
    private readonly int _firstByte;

    /// <summary>Takes a validated model.</summary>
    public SentencePieceEncoder(SentencePieceProto proto)
    {
        _proto = proto;
        _userDefined = new AddedTokenMatcher(proto.Pieces
            .Select((piece, id) => (piece.Text, Token: new AddedToken(id, piece.Text), piece.Type))
            .Where(p => p.Type == SentencePieceType.UserDefined)
            .Select(p => (p.Text, p.Token)));
        _pieces = proto.Pieces.Select((piece, id) => (piece, id))
            .Where(p => p.piece.Type == SentencePieceType.Normal)
            .ToDictionary(p => p.piece.Text, p => p.id, StringComparer.Ordinal);
        _merger = new PairMerger(MakeMerges());
        _firstByte = proto.Pieces.FindIndex(p => p.Type == SentencePieceType.Byte);
    }

    /// <inheritdoc/>
    public string Normalize(string text, TextPosition position)
    {
        if (_proto.RemoveExtraWhitespaces) text = RemoveExtraSpaces(text, position);
        if (text.Length == 0) return text;
        text = text.Replace(' ', Mark);
        return _proto.AddDummyPrefix && position != TextPosition.Continuation ? Mark + text : text;
    }

    /// <inheritdoc/>
    public void Encode(string normalized, TextPosition position, List<int> ids)
    {
        int start = 0;
        foreach ((int from, int to, AddedToken piece) in _userDefined.Find(normalized))
        {
            Merge(normalized[start..from], ids);
            ids.Add(piece.Id);
            start = to;
        }

        Merge(normalized[start..], ids);
    }

    private void Merge(string text, List<int> ids)
    {
        if (text.Length == 0) return;
        int[] symbols = new int[text.Length];
        int length = 0;
        foreach (Rune rune in text.EnumerateRunes()) symbols[length++] = Symbol(rune.ToString());
        Span<int> merged = symbols.AsSpan(0, length);
        _merger.Merge(merged, out int count);

        Span<byte> utf8 = stackalloc byte[4];
        bool unknown = false;
        foreach (int symbol in merged[..count])
        {
            bool isPiece = symbol >= 0;
            if (isPiece)
            {
                ids.Add(symbol);
            }
            else if (_proto.ByteFallback)
            {
                foreach (byte value in utf8[..new Rune(FirstCharacter - symbol).EncodeToUtf8(utf8)]) ids.Add(_firstByte + value);
            }
            else if (!unknown)
            {
                // Unknown characters in a row are one unknown piece (sentencepiece_processor.cc, PopulateSentencePieceText).
                ids.Add(_proto.UnknownId);
            }

            unknown = !isPiece;
        }
    }

    private int Symbol(string part) => _pieces.TryGetValue(part, out int id) ? id : FirstCharacter - Rune.GetRuneAt(part, 0).Value;

    private Dictionary<long, (int Rank, int Id)> MakeMerges()
    {
        float[] scores = [.. _pieces.Values.Select(id => _proto.Pieces[id].Score).Distinct().OrderDescending()];
        Dictionary<float, int> ranks = scores.Select((score, rank) => (score, rank)).ToDictionary(s => s.score, s => s.rank);
        var merges = new Dictionary<long, (int, int)>();
        foreach ((string piece, int id) in _pieces)
        {
            int last = piece.Length - (char.IsLowSurrogate(piece[^1]) ? 2 : 1);
            for (int cut = Rune.GetRuneAt(piece, 0).Utf16SequenceLength; cut <= last; cut += Rune.GetRuneAt(piece, cut).Utf16SequenceLength)
            {
                string left = piece[..cut], right = piece[cut..];
                bool reachable = (_pieces.ContainsKey(left) || IsCharacter(left)) && (_pieces.ContainsKey(right) || IsCharacter(right));
                if (reachable) merges[PairMerger.Pair(Symbol(left), Symbol(right))] = (ranks[_proto.Pieces[id].Score], id);
            }
        }

        return merges;
    }

    private static bool IsCharacter(string part) => part.Length == Rune.GetRuneAt(part, 0).Utf16SequenceLength;

    private static string RemoveExtraSpaces(string text, TextPosition position)
    {
        var result = new StringBuilder(text.Length);
        bool space = position != TextPosition.Continuation;
        foreach (char c in text)
        {
            if (c != ' ' || !space) result.Append(c);
            space = c == ' ';
        }

        if (result.Length > 0 && result[^1] == ' ') result.Length--;
        return result.ToString();
    }
}
