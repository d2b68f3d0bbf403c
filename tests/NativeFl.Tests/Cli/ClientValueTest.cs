using System.Globalization;
using System.Text.Json.Nodes;

namespace NativeFl.Tests.Cli;

/// <summary>What clients are worth, through the command line: federate --value-clients and refine clients.</summary>
internal abstract class ClientValueTest
{
    private static readonly string Model = CliRun.Fixture("models", "llama");

    private TemporaryFolder _folder = null!;
    private string _data = "", _validation = "";

    /// <summary>Which device, and how weights are held.</summary>
    protected virtual IReadOnlyList<string> Device => ["--device", "cpu"];

    /// <summary>How far two passes over the same values may lie apart.</summary>
    protected virtual double Rounding => 1e-6;

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        _data = Records("data.jsonl", 12, 0);
        _validation = Records("validation.jsonl", 3, 100);
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void A_round_has_the_values_of_its_clients_in_json_metrics_and_report()
    {
        JsonObject round = Federate("fed");
        JsonObject[] games = Games(round);
        Assert.Multiple(() =>
        {
            Assert.That(games.Select(g => (string)g["game"]!), Is.EqualTo(new[] { "fixed", "renormalised" }));
            Assert.That(games.Select(g => (string)g["estimator"]!), Has.All.EqualTo("exact"));
            Assert.That(round["clients"]!.AsArray().Select(c => (double)c!["value"]!), Is.EqualTo(Of(games[0], "value")));
            Assert.That(round["clients"]!.AsArray().Select(c => (double)c!["value_stderr"]!), Is.EqualTo(Of(games[0], "stderr")));
            Assert.That(round["clients"]!.AsArray().Select(c => (double)c!["leave_one_out"]!), Is.EqualTo(Of(games[0], "leave_one_out")));
            Assert.That(Of(games[0], "value"), Is.Unique.And.All.Not.Zero);
            Assert.That(Of(games[1], "value"), Is.Not.EqualTo(Of(games[0], "value")).Within(Rounding));
            Assert.That((double)games[0]["operations"]!, Is.LessThanOrEqualTo((double)games[0]["planned_operations"]!));
            Assert.That((double)games[0]["planned_operations"]!, Is.LessThanOrEqualTo(9 * (double)games[0]["training_operations"]!));
            Assert.That(games.Select(game => (int)game["evaluations"]!), Is.EqualTo(new[] { 8, 6 }), "nobody and all are measured for the first");
            Assert.That((int)games[1]["planned_evaluations"]!, Is.EqualTo(14));
        });
        JsonObject metrics = JsonNode.Parse(File.ReadLines(Path.Combine(At("fed"), "metrics.jsonl")).First())!.AsObject();
        Assert.That(JsonNode.DeepEquals(metrics["values"], round["values"]));
        Assert.That(
            File.ReadAllText(Path.Combine(At("fed"), "report.html")), Does.Contain("Values of the clients in round 1: fixed weights, exact").And.Contain("renormalised weights"));
    }

    [Test]
    public void Values_of_a_round_are_those_of_refine_clients_on_its_folders()
    {
        JsonObject round = Federate("fed");
        JsonObject refined = CliRun.Json([
            "refine", "clients", "--model", Model, .. Device, "--adapters", .. Enumerable.Range(0, 3).Select(k => Path.Combine(At("fed"), "round-01", $"client-0{k}")),
            "--weights", "5,4,3", "--validation", _validation, "--game", "both", "--out", At("refined")]);
        JsonObject[] games = Games(round), again = Games(refined);
        foreach (string name in new[] { "value", "stderr", "leave_one_out", "weight" })
            Assert.That(again.SelectMany(g => Of(g, name)), Is.EqualTo(games.SelectMany(g => Of(g, name))).Within(Rounding), name);
        Assert.That(File.ReadAllText(Path.Combine(At("refined"), "report.html")), Does.Contain("client-02").And.Contain("rect"));
        Assert.That(File.Exists(Path.Combine(At("refined"), "run.json")));
    }

    private protected string[] Line(string method, int rounds = 1) =>
    [
        "federate", "--model", Model, "--data", _data, .. Device, "--seed", "5", "--batch-size", "2", "--lr", "1e-2", "--method", method, "--ranks", method == "flora" ? "4,2,3" : "3",
        "--partition", "sizes:5,4,3", "--rounds", $"{rounds}",
    ];

    private protected string Validation => _validation;

    private protected string At(string name) => _folder.At(name);

    private protected string Data => _data;

    private protected static JsonObject[] Games(JsonObject result) => [.. result["values"]!.AsArray().Select(v => v!.AsObject())];

    private protected static double[] Of(JsonObject game, string name) => [.. game["clients"]!.AsArray().Select(c => (double)c![name]!)];

    private JsonObject Federate(string name) => CliRun.Json(
        [.. Line("flora"), "--value-clients", "both", "--value-data", _validation, "--value-budget", "9", "--out", At(name)])["rounds"]![0]!.AsObject();

    private string Records(string name, int count, int first) => _folder.Write(name, string.Join('\n', Enumerable.Range(first, count).Select(i => string.Create(
        CultureInfo.InvariantCulture, $"{{\"id\":\"r{i}\",\"input_ids\":[{i + 3},{i + 4},{(i * 7) % 40},{i},{i + 9}]}}"))));
}
