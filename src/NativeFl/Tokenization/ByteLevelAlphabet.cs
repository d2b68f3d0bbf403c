using System.Text;

namespace NativeFl.Tokenization;

/// <summary>
/// The byte ↔ character map of byte-level BPE (GPT-2): printable Latin-1 bytes stand for themselves, the other 68 bytes become
/// U+0100, U+0101, … in order, so that every byte is one visible BMP character and a vocabulary can be written as text.
/// </summary>
internal static class ByteLevelAlphabet
{
    private static readonly char[] Characters = MakeCharacters();
    private static readonly short[] Bytes = MakeBytes();

    /// <summary>The character that stands for a byte.</summary>
    public static char Character(byte value) => Characters[value];

    /// <summary>The byte that a character stands for, or −1.</summary>
    public static int Byte(char character) => character < Bytes.Length ? Bytes[character] : -1;

    /// <summary>The UTF-8 bytes of a text, one character each.</summary>
    public static string Map(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        return string.Create(utf8.Length, utf8, static (target, source) =>
        {
            for (int i = 0; i < source.Length; i++) target[i] = Characters[source[i]];
        });
    }

    /// <summary>The bytes behind a piece; false where a character stands for no byte.</summary>
    public static bool TryUnmap(string piece, out byte[] bytes)
    {
        bytes = new byte[piece.Length];
        for (int i = 0; i < piece.Length; i++)
        {
            int value = Byte(piece[i]);
            if (value < 0) return false;
            bytes[i] = (byte)value;
        }

        return true;
    }

    private static char[] MakeCharacters()
    {
        var characters = new char[256];
        int next = 0x100;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            characters[b] = printable ? (char)b : (char)next++;
        }

        return characters;
    }

    private static short[] MakeBytes()
    {
        short[] bytes = new short[0x144];
        Array.Fill(bytes, (short)-1);
        for (int b = 0; b < 256; b++) bytes[Characters[b]] = (short)b;
        return bytes;
    }
}
