using System.Text;
using System.Text.Unicode;
using Google.Protobuf;
using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>The fields of sentencepiece_model.proto that encoding depends on.</summary>
internal sealed class SentencePieceProto
{
    /// <summary>Pieces in id order.</summary>
    public List<SentencePiece> Pieces { get; } = [];

    /// <summary>1 unigram, 2 BPE, 3 word, 4 char.</summary>
    public int ModelType { get; private set; } = 1;

    /// <summary>Characters without a piece become their UTF-8 bytes.</summary>
    public bool ByteFallback { get; private set; }

    /// <summary>The space mark ends words rather than begins them.</summary>
    public bool WhitespaceAsSuffix { get; private set; }

    /// <summary>Id of the unknown piece.</summary>
    public int UnknownId { get; private set; }

    /// <summary>Id of the piece that begins a text, or −1.</summary>
    public int BosId { get; private set; } = 1;

    /// <summary>Id of the piece that ends a text, or −1.</summary>
    public int EosId { get; private set; } = 2;

    /// <summary>Id of the padding piece, or −1.</summary>
    public int PadId { get; private set; } = -1;

    /// <summary>identity, nmt_nfkc, …</summary>
    public string NormalizerName { get; private set; } = "";

    /// <summary>Normalisation is more than white space.</summary>
    public bool HasCharacterMap { get; private set; }

    /// <summary>A space mark is put in front of a text.</summary>
    public bool AddDummyPrefix { get; private set; } = true;

    /// <summary>Spaces at both ends are dropped, several in a row are one.</summary>
    public bool RemoveExtraWhitespaces { get; private set; } = true;

    /// <summary>Spaces become marks.</summary>
    public bool EscapeWhitespaces { get; private set; } = true;

    /// <summary>Parses a file's bytes.</summary>
    public static SentencePieceProto Parse(byte[] bytes, string source)
    {
        var proto = new SentencePieceProto();
        try
        {
            Each(bytes, (number, input) =>
            {
                switch (number)
                {
                    case 1: proto.ReadPiece(input.ReadBytes().ToByteArray(), source); return true;
                    case 2: Each(input.ReadBytes().ToByteArray(), proto.ReadTrainer); return true;
                    case 3: Each(input.ReadBytes().ToByteArray(), proto.ReadNormalizer); return true;
                    default: return false;
                }
            });
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidInputException(source, "a SentencePiece model", e.Message, e);
        }

        return proto;
    }

    private void ReadPiece(byte[] bytes, string source)
    {
        byte[] text = [];
        float score = 0;
        int type = 1;
        Each(bytes, (number, input) =>
        {
            switch (number)
            {
                case 1: text = input.ReadBytes().ToByteArray(); return true;
                case 2: score = input.ReadFloat(); return true;
                case 3: type = input.ReadEnum(); return true;
                default: return false;
            }
        });
        string name = $"{source}: piece {Pieces.Count}";
        if (!Utf8.IsValid(text)) throw new InvalidInputException(name, "UTF-8 text", "other bytes");
        if (type is < 1 or > 6) throw new InvalidInputException(name, "a type from 1 to 6", $"{type}");
        if (float.IsNaN(score)) throw new InvalidInputException(name, "a score", "NaN");
        Pieces.Add(new SentencePiece(Encoding.UTF8.GetString(text), score, (SentencePieceType)type));
    }

    private bool ReadTrainer(int number, CodedInputStream input)
    {
        switch (number)
        {
            case 3: ModelType = input.ReadEnum(); return true;
            case 24: WhitespaceAsSuffix = input.ReadBool(); return true;
            case 35: ByteFallback = input.ReadBool(); return true;
            case 40: UnknownId = input.ReadInt32(); return true;
            case 41: BosId = input.ReadInt32(); return true;
            case 42: EosId = input.ReadInt32(); return true;
            case 43: PadId = input.ReadInt32(); return true;
            default: return false;
        }
    }

    private bool ReadNormalizer(int number, CodedInputStream input)
    {
        switch (number)
        {
            case 1: NormalizerName = input.ReadString(); return true;
            case 2: HasCharacterMap = input.ReadBytes().Length > 0; return true;
            case 3: AddDummyPrefix = input.ReadBool(); return true;
            case 4: RemoveExtraWhitespaces = input.ReadBool(); return true;
            case 5: EscapeWhitespaces = input.ReadBool(); return true;
            default: return false;
        }
    }

    private static void Each(byte[] bytes, Func<int, CodedInputStream, bool> read)
    {
        using var input = new CodedInputStream(bytes);
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            if (!read(WireFormat.GetTagFieldNumber(tag), input)) input.SkipLastField();
        }
    }
}
