using System.Text.Json;
using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>What tokenizer_config.json (or the older special_tokens_map.json) adds to a tokenizer.</summary>
internal sealed record TokenizerConfigFile(string? Bos, string? Eos, string? Pad, bool? AddBos, IReadOnlyList<AddedToken> AddedTokens)
{
    /// <summary>Reads the files of a folder that are there.</summary>
    public static TokenizerConfigFile Load(string folder)
    {
        TokenizerConfigFile config = Read(Path.Combine(folder, "tokenizer_config.json"));
        if (config is { Bos: not null, Eos: not null, Pad: not null }) return config;
        TokenizerConfigFile map = Read(Path.Combine(folder, "special_tokens_map.json"));
        return config with { Bos = config.Bos ?? map.Bos, Eos = config.Eos ?? map.Eos, Pad = config.Pad ?? map.Pad };
    }

    private static TokenizerConfigFile Read(string path)
    {
        if (!File.Exists(path)) return new TokenizerConfigFile(null, null, null, null, []);
        using JsonDocument document = JsonFile.Open(path);
        var root = new JsonEntry(path, "", document.RootElement);
        return new TokenizerConfigFile(
            Token(root["bos_token"]),
            Token(root["eos_token"]),
            Token(root["pad_token"]),
            root["add_bos_token"].IsMissing ? null : root["add_bos_token"].Flag(false),
            root["added_tokens_decoder"].IsMissing ? [] : [.. root["added_tokens_decoder"].Members().Select(Added)]);
    }

    // "<s>" or {"content": "<s>", …}
    private static string? Token(JsonEntry entry)
    {
        if (entry.IsMissing) return null;
        return entry.Value.ValueKind == JsonValueKind.Object ? entry["content"].OptionalText() : entry.Text();
    }

    private static AddedToken Added(JsonEntry entry)
    {
        string key = entry.Path[(entry.Path.LastIndexOf('[') + 1)..].Trim('"', ']');
        if (!int.TryParse(key, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int id))
            throw new InvalidInputException(entry.Name, "an id as the name", Shown.Text(key));
        string content = entry["content"].Text();
        if (content.Length == 0) throw entry["content"].Wrong("some text");
        return new AddedToken(id, content)
        {
            Special = entry["special"].Flag(false),
            SingleWord = entry["single_word"].Flag(false),
            LeftStrip = entry["lstrip"].Flag(false),
            RightStrip = entry["rstrip"].Flag(false),
        };
    }
}
