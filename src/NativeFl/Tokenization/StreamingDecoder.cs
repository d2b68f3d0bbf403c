using System.Text;

namespace NativeFl.Tokenization;

/// <summary>Turns ids into text one at a time; bytes of an unfinished character are held back until it is complete.</summary>
/// <param name="tokenizer">The tokenizer that the ids belong to.</param>
/// <param name="skipSpecial">Leave special tokens out.</param>
/// <remarks>The concatenation of all that <see cref="Push"/> and <see cref="Flush"/> return equals <see cref="Tokenizer.Decode"/>.</remarks>
public sealed class StreamingDecoder(Tokenizer tokenizer, bool skipSpecial = true)
{
    private readonly Decoder _utf8 = new UTF8Encoding(false, false).GetDecoder();
    private bool _strip = tokenizer.Table.StripFirstSpace;

    /// <summary>Takes the next id.</summary>
    /// <returns>The text that is complete now; often empty.</returns>
    public string Push(int id)
    {
        ReadOnlySpan<byte> bytes = tokenizer.Bytes(id, skipSpecial);
        if (bytes.Length == 0) return "";
        if (_strip && bytes[0] == ' ') bytes = bytes[1..];
        _strip = false;
        return Convert(bytes, false);
    }

    /// <summary>Ends the text: an unfinished character becomes U+FFFD. The next id starts a new text.</summary>
    public string Flush()
    {
        _strip = tokenizer.Table.StripFirstSpace;
        return Convert([], true);
    }

    private string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        char[] characters = new char[_utf8.GetCharCount(bytes, flush)];
        int count = _utf8.GetChars(bytes, characters, flush);
        return new string(characters, 0, count);
    }
}
