using System.Globalization;
using System.Text.Json;
using NativeFl.Data;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>The batch of a model fixture in the files that the command line reads.</summary>
internal static class VerbInput
{
    /// <summary>{"input_ids","attention_mask"}, padded on the right as the fixture has it.</summary>
    public static string Ids(FixtureCase fixture, TemporaryFolder folder) => folder.Write("ids.json", JsonSerializer.Serialize(new Dictionary<string, int[][]>
    {
        ["input_ids"] = [.. fixture.Examples.Select(e => Padded(e.InputIds, fixture.Length))],
        ["attention_mask"] = [.. fixture.Examples.Select(e => Padded([.. e.InputIds.Select(_ => 1)], fixture.Length))],
    }));

    /// <summary>One pre-tokenised record a line.</summary>
    public static string Records(FixtureCase fixture, TemporaryFolder folder, string name = "data.jsonl") => folder.Write(name, string.Join('\n', fixture.Examples.Select(Line)));

    /// <summary>A record as JSON.</summary>
    public static string Line(TokenizedExample example) =>
        JsonSerializer.Serialize(new Dictionary<string, int[]> { ["input_ids"] = example.InputIds, ["labels"] = example.Labels });

    /// <summary>The model with a tokenizer beside it: a token's text is its id in two hexadecimal digits.</summary>
    public static string ModelWithTokenizer(FixtureCase fixture, TemporaryFolder folder)
    {
        IEnumerable<string> vocabulary = Enumerable.Range(0, fixture.Config.VocabularySize).Select(id => $"\"{Text(id)}\":{id}");
        string tokenizer = $$"""
            {
              "pre_tokenizer": {"type":"Split","pattern":{"Regex":"[0-9a-f]{2}"},"behavior":"Isolated","invert":false},
              "decoder": {"type":"Fuse"},
              "model": {"type":"BPE","ignore_merges":true,"vocab":{{{string.Join(',', vocabulary)}}},"merges":[]}
            }
            """;
        string model = Path.GetDirectoryName(folder.Write("model/tokenizer.json", tokenizer))!;
        foreach (string file in Directory.GetFiles(fixture.Folder, "model*").Append(Path.Combine(fixture.Folder, "config.json")))
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        return model;
    }

    /// <summary>Ids as that tokenizer's text.</summary>
    public static string Text(params ReadOnlySpan<int> ids) => string.Concat(ids.ToArray().Select(id => id.ToString("x2", CultureInfo.InvariantCulture)));

    private static int[] Padded(int[] values, int length) => [.. values, .. Enumerable.Repeat(0, length - values.Length)];
}
