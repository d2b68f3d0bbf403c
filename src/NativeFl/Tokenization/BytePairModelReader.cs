using System.Text.Json;
using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>Reads the model entry of a tokenizer.json.</summary>
internal static class BytePairModelReader
{
    /// <summary>Reads and validates vocabulary and merges.</summary>
    public static BytePairModelContent Read(JsonEntry model)
    {
        if (model.IsMissing) throw model.Wrong("a BPE model");
        if (!model["type"].IsMissing && model["type"].Text() != "BPE") throw model["type"].Wrong("\"BPE\", the one supported model");
        RefuseText(model["continuing_subword_prefix"]);
        RefuseText(model["end_of_word_suffix"]);
        JsonEntry dropout = model["dropout"];
        if (!dropout.IsMissing && !(dropout.Value.ValueKind == JsonValueKind.Number && dropout.Value.GetDouble() == 0))
            throw dropout.Wrong("null (merges dropped at random are not supported)");

        Dictionary<string, int> vocabulary = ReadVocabulary(model["vocab"]);
        string? unknown = model["unk_token"].OptionalText();
        if (unknown is not null && !vocabulary.ContainsKey(unknown))
            throw new InvalidInputException(model["unk_token"].Name, "a piece of the vocabulary", Shown.Text(unknown));
        return new BytePairModelContent(
            vocabulary,
            ReadMerges(model["merges"], vocabulary),
            model["ignore_merges"].Flag(false),
            model["byte_fallback"].Flag(false),
            model["fuse_unk"].Flag(false),
            unknown);
    }

    private static Dictionary<string, int> ReadVocabulary(JsonEntry entry)
    {
        if (entry.IsMissing) throw entry.Wrong("an object of pieces and ids");
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        var pieces = new Dictionary<int, string>();
        if (entry.Value.ValueKind != JsonValueKind.Object) throw entry.Wrong("an object of pieces and ids");
        foreach (JsonProperty property in entry.Value.EnumerateObject())
        {
            var item = new JsonEntry(entry.File, $"{entry.Path}[{Shown.Text(property.Name)}]", property.Value);
            int id = item.Id();
            if (!pieces.TryAdd(id, property.Name))
                throw new InvalidInputException(item.Name, "an id of its own", $"{id}, which {Shown.Text(pieces[id])} has");
            vocabulary.Add(property.Name, id);
        }

        return vocabulary;
    }

    private static List<(string Left, string Right)> ReadMerges(JsonEntry entry, Dictionary<string, int> vocabulary)
    {
        var merges = new List<(string, string)>();
        if (entry.IsMissing) return merges;
        var seen = new HashSet<(string, string)>();
        foreach (JsonEntry item in entry.Items())
        {
            (string left, string right) = ReadMerge(item);
            RequirePiece(item, vocabulary, left);
            RequirePiece(item, vocabulary, right);
            RequirePiece(item, vocabulary, left + right);
            if (!seen.Add((left, right))) throw new InvalidInputException(item.Name, "a merge of its own", "one that the list has already");
            merges.Add((left, right));
        }

        return merges;
    }

    // Both spellings are in use: "a b", and since tokenizers 0.20 ["a", "b"], which allows spaces inside pieces.
    private static (string Left, string Right) ReadMerge(JsonEntry item)
    {
        if (item.Value.ValueKind == JsonValueKind.Array && item.Value.GetArrayLength() == 2)
        {
            JsonEntry[] pair = [.. item.Items()];
            return (pair[0].Text(), pair[1].Text());
        }

        const string expected = "two pieces, as \"a b\" or [\"a\", \"b\"]";
        if (item.Value.ValueKind != JsonValueKind.String) throw item.Wrong(expected);
        string[] pieces = item.Text().Split(' ');
        return pieces.Length == 2 ? (pieces[0], pieces[1]) : throw item.Wrong(expected);
    }

    private static void RequirePiece(JsonEntry item, Dictionary<string, int> vocabulary, string piece)
    {
        if (piece.Length == 0 || !vocabulary.ContainsKey(piece))
            throw new InvalidInputException(item.Name, "pieces of the vocabulary", Shown.Text(piece));
    }

    private static void RefuseText(JsonEntry entry)
    {
        if (!entry.IsMissing && entry.Text().Length > 0) throw entry.Wrong("null (word-piece prefixes and suffixes are not supported)");
    }
}
