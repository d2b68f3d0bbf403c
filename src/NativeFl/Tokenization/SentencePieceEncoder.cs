using System.Text;
using Microsoft.ML.Tokenizers;

namespace NativeFl.Tokenization;

/// <summary>
/// SentencePiece BPE. Merging and byte fallback are Microsoft.ML.Tokenizers' <see cref="LlamaTokenizer"/>; white space and user-defined
/// pieces are done here, because the library ignores remove_extra_whitespaces and does not look for user-defined pieces.
/// </summary>
internal sealed class SentencePieceEncoder : ITextEncoder
{
    /// <summary>Stands for a space (U+2581).</summary>
    public const char Mark = '\u2581';

    private readonly LlamaTokenizer _library;
    private readonly AddedTokenMatcher _userDefined;
    private readonly SentencePieceProto _proto;

    /// <summary>Takes a validated model.</summary>
    public SentencePieceEncoder(SentencePieceProto proto, LlamaTokenizer library)
    {
        _proto = proto;
        _library = library;
        _userDefined = new AddedTokenMatcher(proto.Pieces
            .Select((piece, id) => (piece.Text, Token: new AddedToken(id, piece.Text), piece.Type))
            .Where(p => p.Type == SentencePieceType.UserDefined)
            .Select(p => (p.Text, p.Token)));
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
        foreach (int id in _library.EncodeToIds(text, false, false, considerPreTokenization: false, considerNormalization: false))
        {
            // Unknown characters in a row are one unknown piece (sentencepiece_processor.cc, PopulateSentencePieceText).
            bool again = id == _proto.UnknownId && ids.Count > 0 && ids[^1] == id;
            if (!again) ids.Add(id);
        }
    }

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
