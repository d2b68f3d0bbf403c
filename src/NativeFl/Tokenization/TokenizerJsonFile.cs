using System.Text;
using System.Text.Json;
using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>Reads a tokenizer.json whose model is BPE. What it does not know it refuses by name rather than encode something else.</summary>
internal static class TokenizerJsonFile
{
    /// <summary>Reads and validates the file.</summary>
    public static TokenizerContent Load(string path)
    {
        using JsonDocument document = JsonFile.Open(path);
        return Read(new JsonEntry(path, "", document.RootElement));
    }

    private static TokenizerContent Read(JsonEntry root)
    {
        JsonEntry preTokenizerEntry = root["pre_tokenizer"];
        bool byteLevel = PreTokenizerReader.IsByteLevel(preTokenizerEntry);
        BytePairModelContent model = BytePairModelReader.Read(root["model"]);
        List<AddedToken> added = ReadAddedTokens(root["added_tokens"], model.Vocabulary);
        var ids = new Dictionary<string, int>(model.Vocabulary, StringComparer.Ordinal);
        foreach (AddedToken token in added) ids[token.Content] = token.Id;
        CheckRange(root, model.Vocabulary, added);

        INormalizer? normalizer = NormalizerReader.Read(root["normalizer"]);
        IPreTokenizer? preTokenizer = PreTokenizerReader.Read(preTokenizerEntry);
        DecoderKind decoder = DecoderReader.Read(root["decoder"], byteLevel);
        return new TokenizerContent(
            root.File,
            new BytePairEncoder(normalizer, preTokenizer, new BytePairModel(model, byteLevel)),
            added,
            MakeTable(model, added, decoder),
            ids,
            PostProcessorReader.ReadPrefix(root["post_processor"], ids));
    }

    private static List<AddedToken> ReadAddedTokens(JsonEntry entry, Dictionary<string, int> vocabulary)
    {
        var tokens = new List<AddedToken>();
        if (entry.IsMissing) return tokens;
        var pieces = vocabulary.ToDictionary(p => p.Value, p => p.Key);
        var contents = new HashSet<string>(StringComparer.Ordinal);
        var ids = new HashSet<int>();
        foreach (JsonEntry item in entry.Items())
        {
            string content = item["content"].Text();
            int id = item["id"].Id();
            if (content.Length == 0) throw item["content"].Wrong("some text");
            if (!contents.Add(content)) throw new InvalidInputException(item.Name, "another content", $"{Shown.Text(content)} once more");
            if (!ids.Add(id)) throw new InvalidInputException(item.Name, "an id of its own", $"{id}, which an earlier added token has");
            if (vocabulary.TryGetValue(content, out int other) && other != id)
                throw new InvalidInputException(item.Name, $"id {other}, which the vocabulary gives {Shown.Text(content)}", $"{id}");
            if (pieces.TryGetValue(id, out string? piece) && piece != content)
                throw new InvalidInputException(item.Name, "an id that the vocabulary does not use", $"{id}, which is {Shown.Text(piece)}");
            tokens.Add(new AddedToken(id, content)
            {
                Special = item["special"].Flag(false),
                SingleWord = item["single_word"].Flag(false),
                LeftStrip = item["lstrip"].Flag(false),
                RightStrip = item["rstrip"].Flag(false),
                Normalized = item["normalized"].Flag(!item["special"].Flag(false)),
            });
        }

        return tokens;
    }

    // Tables are as long as the largest id; ids have small gaps in real files, but a lone huge one is an error, not a reason to allocate.
    private static void CheckRange(JsonEntry root, Dictionary<string, int> vocabulary, List<AddedToken> added)
    {
        int bound = (2 * (vocabulary.Count + added.Count)) + 1024;
        foreach ((string piece, int id) in vocabulary.Select(p => (p.Key, p.Value)).Concat(added.Select(t => (t.Content, t.Id))))
        {
            if (id >= bound)
            {
                throw new InvalidInputException(
                    root.File, $"ids below {bound} in a tokenizer of {vocabulary.Count + added.Count} tokens", $"{id} for {Shown.Text(piece)}");
            }
        }
    }

    private static TokenTable MakeTable(BytePairModelContent model, List<AddedToken> added, DecoderKind decoder)
    {
        int size = 1 + Math.Max(model.Vocabulary.Values.DefaultIfEmpty(-1).Max(), added.Select(t => t.Id).DefaultIfEmpty(-1).Max());
        var bytes = new byte[]?[size];
        bool[] special = new bool[size];
        foreach ((string piece, int id) in model.Vocabulary) bytes[id] = decoder.Decode(piece);
        foreach (AddedToken token in added)
        {
            bytes[token.Id] = Encoding.UTF8.GetBytes(token.Content);
            special[token.Id] = token.Special;
        }

        return new TokenTable(bytes, special, decoder.StripFirstSpace);
    }
}
