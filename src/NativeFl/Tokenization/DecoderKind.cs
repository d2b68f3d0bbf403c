using System.Globalization;
using System.Text;

namespace NativeFl.Tokenization;

/// <summary>How a piece becomes bytes.</summary>
/// <param name="ByteLevel">Its characters are <see cref="ByteLevelAlphabet"/>.</param>
/// <param name="Mark">The character that stands for a space, or null.</param>
/// <param name="ByteFallback">&lt;0x0A&gt; is that byte.</param>
/// <param name="StripFirstSpace">The text's first space is dropped.</param>
internal sealed record DecoderKind(bool ByteLevel, char? Mark, bool ByteFallback, bool StripFirstSpace)
{
    /// <summary>The bytes of a piece.</summary>
    public byte[] Decode(string piece)
    {
        if (ByteFallback && TryByte(piece, out byte value)) return [value];
        if (ByteLevel) return ByteLevelAlphabet.TryUnmap(piece, out byte[] bytes) ? bytes : Encoding.UTF8.GetBytes(piece);
        return Encoding.UTF8.GetBytes(Mark is { } mark ? piece.Replace(mark, ' ') : piece);
    }

    private static bool TryByte(string piece, out byte value)
    {
        value = 0;
        return piece.Length == 6 && piece.StartsWith("<0x", StringComparison.Ordinal) && piece[5] == '>'
            && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
