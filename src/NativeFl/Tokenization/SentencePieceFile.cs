using System.Text;
using System.Text.Json;
using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>Reads a SentencePiece BPE tokenizer.model; what encoding cannot honour is refused by name.</summary>
internal static class SentencePieceFile
{
    /// <summary>Reads and validates the file and the added tokens beside it.</summary>
    public static TokenizerContent Load(string path, TokenizerConfigFile config)
    {
        SentencePieceProto proto = SentencePieceProto.Parse(JsonFile.Bytes(path), path);
        RefuseUnsupported(proto, path);
        Dictionary<string, int> ids = CheckPieces(proto, path);
        var added = new SortedDictionary<int, AddedToken>();
        for (int id = 0; id < proto.Pieces.Count; id++)
        {
            if (proto.Pieces[id].Type is SentencePieceType.Control or SentencePieceType.Unknown)
                added[id] = new AddedToken(id, proto.Pieces[id].Text) { Special = true };
        }

        foreach (AddedToken token in config.AddedTokens.Concat(ReadAddedTokens(Path.Combine(Path.GetDirectoryName(path) ?? "", "added_tokens.json"))))
            Add(token, proto, ids, added, path);
        return new TokenizerContent(
            path, new SentencePieceEncoder(proto), [.. added.Values], MakeTable(proto, added), ids, proto.BosId >= 0 ? [proto.BosId] : [])
        {
            BosId = Optional(proto.BosId),
            EosId = Optional(proto.EosId),
            PadId = Optional(proto.PadId),
        };
    }

    private static void RefuseUnsupported(SentencePieceProto proto, string path)
    {
        if (proto.ModelType != 2)
        {
            string got = proto.ModelType switch { 1 => "unigram", 3 => "word", 4 => "char", _ => $"{proto.ModelType}" };
            throw new InvalidInputException($"{path}: model_type", "bpe", got);
        }

        if (proto.HasCharacterMap)
            throw new InvalidInputException($"{path}: normalizer", "identity", Shown.Text(proto.NormalizerName) + " with a character map");
        if (proto.WhitespaceAsSuffix) throw new InvalidInputException($"{path}: treat_whitespace_as_suffix", "false", "true");
        if (!proto.EscapeWhitespaces) throw new InvalidInputException($"{path}: escape_whitespaces", "true", "false");
    }

    private static Dictionary<string, int> CheckPieces(SentencePieceProto proto, string path)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        int bytes = 0;
        for (int id = 0; id < proto.Pieces.Count; id++)
        {
            (string text, _, SentencePieceType type) = proto.Pieces[id];
            string name = $"{path}: piece {id}";
            if (text.Length == 0) throw new InvalidInputException(name, "some text", "none");
            if (!ids.TryAdd(text, id)) throw new InvalidInputException(name, "a piece of its own", $"{Shown.Text(text)}, which is piece {ids[text]}");
            if (type == SentencePieceType.Unused) throw new InvalidInputException(name, "a piece in use", $"{Shown.Text(text)} of type UNUSED");
            if ((type == SentencePieceType.Unknown) != (id == proto.UnknownId))
                throw new InvalidInputException(name, $"one unknown piece, {proto.UnknownId} as the trainer's unk_id says", $"type {type}");
            if (type != SentencePieceType.Byte) continue;
            if (text != BytePairModel.BytePiece((byte)bytes) || id != ids[BytePairModel.BytePiece(0)] + bytes)
                throw new InvalidInputException(name, "256 byte pieces <0x00> to <0xFF> in a row", Shown.Text(text));
            bytes++;
        }

        if ((uint)proto.UnknownId >= (uint)proto.Pieces.Count)
            throw new InvalidInputException($"{path}: unk_id", $"one of {proto.Pieces.Count} pieces", $"{proto.UnknownId}");
        if (bytes != (proto.ByteFallback ? 256 : 0))
            throw new InvalidInputException(path, proto.ByteFallback ? "256 byte pieces" : "no byte pieces without byte_fallback", $"{bytes}");
        foreach (int id in (int[])[proto.BosId, proto.EosId, proto.PadId])
        {
            if (id >= proto.Pieces.Count) throw new InvalidInputException(path, $"bos, eos and pad below {proto.Pieces.Count}", $"{id}");
        }

        return ids;
    }

    // added_tokens.json: {"<|user|>": 32000}
    private static List<AddedToken> ReadAddedTokens(string path)
    {
        var tokens = new List<AddedToken>();
        if (!File.Exists(path)) return tokens;
        using JsonDocument document = JsonFile.Open(path);
        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            var entry = new JsonEntry(path, Shown.Text(property.Name), property.Value);
            if (property.Name.Length == 0) throw entry.Wrong("a token with some text");
            tokens.Add(new AddedToken(entry.Id(), property.Name) { Special = true });
        }

        return tokens;
    }

    private static void Add(AddedToken token, SentencePieceProto proto, Dictionary<string, int> ids, SortedDictionary<int, AddedToken> added, string path)
    {
        string name = $"added token {Shown.Text(token.Content)} of {path}";
        if (token.Id >= (2 * (proto.Pieces.Count + added.Count)) + 1024)
            throw new InvalidInputException(name, $"an id near the {proto.Pieces.Count} pieces", $"{token.Id}");
        if (ids.TryGetValue(token.Content, out int other) && other != token.Id)
            throw new InvalidInputException(name, $"id {other}, which the token has already", $"{token.Id}");
        if (token.Id < proto.Pieces.Count && proto.Pieces[token.Id].Text != token.Content)
            throw new InvalidInputException(name, $"{Shown.Text(proto.Pieces[token.Id].Text)} for id {token.Id}", "another text");
        if (token.Id >= proto.Pieces.Count && added.TryGetValue(token.Id, out AddedToken? earlier) && earlier.Content != token.Content)
            throw new InvalidInputException(name, $"{Shown.Text(earlier.Content)} for id {token.Id}", "another text");
        ids[token.Content] = token.Id;
        added.TryAdd(token.Id, token);
    }

    private static TokenTable MakeTable(SentencePieceProto proto, SortedDictionary<int, AddedToken> added)
    {
        int size = Math.Max(proto.Pieces.Count, added.Count == 0 ? 0 : added.Keys.Max() + 1);
        var bytes = new byte[]?[size];
        bool[] special = new bool[size];
        var decoder = new DecoderKind(false, SentencePieceEncoder.Mark, false, false);
        var byteDecoder = decoder with { ByteFallback = true };
        for (int id = 0; id < proto.Pieces.Count; id++)
            bytes[id] = (proto.Pieces[id].Type == SentencePieceType.Byte ? byteDecoder : decoder).Decode(proto.Pieces[id].Text);
        foreach (AddedToken token in added.Values)
        {
            bytes[token.Id] = Encoding.UTF8.GetBytes(token.Content);
            special[token.Id] = token.Special;
        }

        return new TokenTable(bytes, special, proto.AddDummyPrefix);
    }

    private static int? Optional(int id) => id < 0 ? null : id;
}
