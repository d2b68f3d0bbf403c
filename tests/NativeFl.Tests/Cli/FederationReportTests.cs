using System.Globalization;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

public sealed class FederationReportTests
{
    [Test]
    public void Its_tables_are_the_figures_that_the_run_reports()
    {
        using var folder = new TemporaryFolder();
        using var fixture = new FixtureCase("llama");
        string data = VerbInput.Records(fixture, folder);
        JsonObject result = CliRun.Json(
            "federate", "--model", CliRun.Fixture("models", "llama"), "--data", data, "--eval-data", data, "--partition", "sizes:2,1", "--ranks", "4,0",
            "--rounds", "2", "--batch-size", "1", "--lr", "1e-2", "--out", folder.At("fed"));
        string html = File.ReadAllText(folder.At("fed", "report.html"));
        XElement body = XDocument.Parse(html[html.IndexOf("<html", StringComparison.Ordinal)..]).Descendants("body").Single();
        JsonObject[] rounds = [.. result["rounds"]!.AsArray().Select(r => r!.AsObject())];

        (string[] head, string[][] rows) = Table(body, "Rounds");
        Assert.That(head, Is.EqualTo(new[] { "round", "clients", "held-out loss", "exactness", "rounding", "upload", "download", "seconds" }));
        Assert.That(rows, Is.EqualTo(rounds.Select(r => new[]
        {
            Text(r["round"], "0"), "2", $"{Text(r["eval"]!["loss"], "0.0000")} ± {Text(r["eval"]!["stderr"], "0.0000")}", Text(r["exactness"], "0.0e+00"),
            Text(r["rounding"], "0.0e+00"), Bytes(r, "upload_bytes"), Bytes(r, "download_bytes"), Text(r["seconds"], "0.0"),
        })));

        (head, rows) = Table(body, "Clients of round 2");
        JsonNode[] clients = [.. rounds[1]["clients"]!.AsArray().Select(c => c!)];
        Assert.That(head, Is.EqualTo(new[] { "client", "rank", "examples", "steps", "training loss", "upload", "download" }));
        Assert.That(rows.Select(row => row[..5]), Is.EqualTo(new[]
        {
            ["0", "4", "2", "2", Text(clients[0]["loss"], "0.0000")], new[] { "1", "0", "1", "0", "–" },
        }));
        Assert.That(body.Element("main")!.Element("p")!.Value, Does.StartWith("2 clients, 2 rounds, method flora."));
        JsonNode recipe = JsonNode.Parse(body.Descendants("code").Single().Value)!;
        Assert.That(((string?)recipe["partition"], (int)recipe["rounds"]!), Is.EqualTo(("sizes:2,1", 2)));
        Assert.That(body.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value), Has.Some.EqualTo("held-out loss").And.Some.StartWith("training loss"));
    }

    private static (string[] Head, string[][] Rows) Table(XElement body, string caption)
    {
        XElement table = body.Descendants("table").Single(t => t.Element("caption")!.Value == caption);
        return ([.. table.Descendants("th").Select(c => c.Value)], [.. table.Element("tbody")!.Elements("tr").Select(r => r.Elements("td").Select(c => c.Value).ToArray())]);
    }

    private static string Text(JsonNode? number, string format) => ((double)number!).ToString(format, CultureInfo.InvariantCulture);

    /// <summary>The sum over the clients, in kB: every figure here is between one and a thousand of them.</summary>
    private static string Bytes(JsonObject round, string name) =>
        (round["clients"]!.AsArray().Sum(c => (double)c![name]!) / 1000).ToString("0.0", CultureInfo.InvariantCulture) + " kB";
}
