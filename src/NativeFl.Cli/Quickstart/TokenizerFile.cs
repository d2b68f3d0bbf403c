using System.Text.Json.Nodes;

namespace NativeFl.Cli.Quickstart;

/// <summary>Writes tokenizer.json and tokenizer_config.json for a byte-level byte-pair encoding with four special tokens.</summary>
internal static class TokenizerFile
{
    public const string Begin = "<|begin_of_text|>", End = "<|end_of_text|>", User = "<|user|>", Assistant = "<|assistant|>";

    /// <summary>How a question and its answer become text. The spaces make every word the token that it is inside a sentence.</summary>
    public const string Template = Begin + User + " {prompt}" + Assistant + " {answer}" + End;

    /// <summary>Writes both files; the special tokens take the ids after the vocabulary.</summary>
    public static void Write(string folder, BytePairTrainer encoding)
    {
        string[] specials = [Begin, End, User, Assistant];
        int first = encoding.Vocabulary.Count;
        var vocabulary = new JsonObject();
        for (int id = 0; id < first; id++) vocabulary[encoding.Vocabulary[id]] = id;
        var tokenizer = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. specials.Select((token, i) => AddedToken(token, first + i))]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                    new JsonObject
                    {
                        ["type"] = "Split",
                        ["pattern"] = new JsonObject { ["Regex"] = BytePairTrainer.Pattern },
                        ["behavior"] = "Isolated",
                        ["invert"] = false,
                    },
                    ByteLevel()),
            },
            ["post_processor"] = BeginTemplate(first),
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. encoding.Merges.Select(m => new JsonArray(m.Left, m.Right))]),
            },
        };
        var config = new JsonObject
        {
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
            ["bos_token"] = Begin,
            ["eos_token"] = End,
            ["pad_token"] = End,
            ["add_bos_token"] = true,
        };
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), JsonOutput.Write(tokenizer));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), JsonOutput.Write(config, indented: true) + "\n");
    }

    private static JsonObject AddedToken(string content, int id) => new()
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = true,
    };

    private static JsonObject ByteLevel() => new()
    {
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = false,
        ["trim_offsets"] = true,
        ["use_regex"] = false,
    };

    private static JsonObject BeginTemplate(int beginId)
    {
        JsonObject begin = Special(), text = new() { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } };
        return new JsonObject
        {
            ["type"] = "TemplateProcessing",
            ["single"] = new JsonArray(begin, text),
            ["pair"] = new JsonArray(
                Special(),
                new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } },
                new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "B", ["type_id"] = 1 } }),
            ["special_tokens"] = new JsonObject
            {
                [Begin] = new JsonObject { ["id"] = Begin, ["ids"] = new JsonArray(beginId), ["tokens"] = new JsonArray(Begin) },
            },
        };
    }

    private static JsonObject Special() => new() { ["SpecialToken"] = new JsonObject { ["id"] = Begin, ["type_id"] = 0 } };
}
