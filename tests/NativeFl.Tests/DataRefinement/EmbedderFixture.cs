using System.Text.Json.Nodes;

namespace NativeFl.Tests.DataRefinement;

/// <summary>tests/fixtures/embedders/bert, and what the independent reference made of some texts.</summary>
internal static class EmbedderFixture
{
    public static string Folder => Fixtures.Path("embedders", "bert");

    public static IReadOnlyList<EmbeddedText> Texts =>
    [
        .. JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "expected.json")))!.AsArray().Select(node => new EmbeddedText(
            (string)node!["text"]!, Numbers<int>(node, "ids"), Numbers<int>(node, "cased_ids"), Numbers<double>(node, "mean"), Numbers<double>(node, "embedding"))),
    ];

    private static T[] Numbers<T>(JsonNode node, string name) => [.. node[name]!.AsArray().Select(value => value!.GetValue<T>())];
}
