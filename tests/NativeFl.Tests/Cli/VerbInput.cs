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

    private static int[] Padded(int[] values, int length) => [.. values, .. Enumerable.Repeat(0, length - values.Length)];
}
