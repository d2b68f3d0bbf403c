using System.Buffers.Binary;
using System.Text;

namespace NativeFl.Tests.Tokenization;

/// <summary>Writes sentencepiece_model.proto by hand, field by field.</summary>
internal sealed class SentencePieceModelBytes
{
    public List<(string Text, float Score, int Type)> Pieces { get; } = [];

    public int ModelType { get; init; } = 2;

    public bool ByteFallback { get; init; } = true;

    public bool AddDummyPrefix { get; init; } = true;

    public bool RemoveExtraWhitespaces { get; init; }

    public bool EscapeWhitespaces { get; init; } = true;

    public bool WhitespaceAsSuffix { get; init; }

    public string CharacterMap { get; init; } = "";

    public int UnknownId { get; init; }

    public int BosId { get; init; } = 1;

    public int PadId { get; init; } = -1;

    /// <summary>unk, bos and eos, the 256 bytes, then pieces with falling scores.</summary>
    public static SentencePieceModelBytes With(SentencePieceModelBytes model, params string[] pieces)
    {
        model.Pieces.Add(("<unk>", 0, 2));
        model.Pieces.Add(("<s>", 0, 3));
        model.Pieces.Add(("</s>", 0, 3));
        for (int b = 0; model.ByteFallback && b < 256; b++) model.Pieces.Add(($"<0x{b:X2}>", 0, 6));
        for (int i = 0; i < pieces.Length; i++) model.Pieces.Add((pieces[i], -i, 1));
        return model;
    }

    public int Id(string piece) => Pieces.FindIndex(p => p.Text == piece);

    public byte[] ToBytes()
    {
        var model = new List<byte>();
        foreach ((string text, float score, int type) in Pieces)
        {
            byte[] single = new byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(single, score);
            Message(model, 1, [.. Bytes(1, Encoding.UTF8.GetBytes(text)), (2 << 3) | 5, .. single, .. Number(3, type)]);
        }

        Message(model, 2,
        [
            .. Number(3, ModelType), .. Number(24, WhitespaceAsSuffix ? 1 : 0), .. Number(35, ByteFallback ? 1 : 0), .. Number(40, UnknownId),
            .. Number(41, BosId), .. Number(42, 2), .. Number(43, PadId),
        ]);
        Message(model, 3,
        [
            .. Bytes(1, "identity"u8.ToArray()), .. Bytes(2, Encoding.UTF8.GetBytes(CharacterMap)), .. Number(3, AddDummyPrefix ? 1 : 0),
            .. Number(4, RemoveExtraWhitespaces ? 1 : 0), .. Number(5, EscapeWhitespaces ? 1 : 0),
        ]);
        return [.. model];
    }

    private static void Message(List<byte> target, int field, byte[] content) => target.AddRange(Bytes(field, content));

    private static byte[] Bytes(int field, byte[] content) => [.. Varint((ulong)((field << 3) | 2)), .. Varint((ulong)content.Length), .. content];

    private static byte[] Number(int field, int value) => [.. Varint((ulong)(field << 3)), .. Varint((ulong)value)];

    private static IEnumerable<byte> Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7) yield return (byte)(value | 0x80);
        yield return (byte)value;
    }
}
