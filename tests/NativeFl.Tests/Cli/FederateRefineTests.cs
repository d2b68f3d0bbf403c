using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli;

namespace NativeFl.Tests.Cli;

/// <summary>federate --refine: clients choose among their own records, alone, the same whenever they are asked, and tell how many.</summary>
public sealed class FederateRefineTests
{
    private static readonly string Model = CliRun.Fixture("models", "llama");

    private TemporaryFolder _folder = null!;
    private string _data = "";

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        _data = _folder.Write("clients.jsonl", string.Concat(Enumerable.Range(0, 44).Select(i => string.Create(
            CultureInfo.InvariantCulture, $"{{\"input_ids\":[{(i * 7) % 41},{i},{(i * 3) % 50},{i + 2},{(i * 11) % 60}]}}\n"))));
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void Clients_keep_what_was_asked_and_only_counts_are_told()
    {
        JsonObject all = Federate("all"), half = Federate("half", "--refine", "qocs:0.5"), six = Federate("six", "--refine", "qwcs:6");
        Assert.Multiple(() =>
        {
            Assert.That(half["refined"]!.ToJsonString(), Is.EqualTo("""{"method":"qocs","records":[5,20,19],"kept":[5,10,10]}"""), "a client of five records keeps them");
            Assert.That(six["refined"]!["kept"]!.ToJsonString(), Is.EqualTo("[5,6,6]"));
            Assert.That(half["rounds"]![0]!["clients"]!.AsArray().Select(c => (int)c!["examples"]!), Is.EqualTo(new[] { 5, 10, 10 }));
            Assert.That(all.ContainsKey("refined"), Is.False);
            Assert.That(Loss(half), Is.Not.EqualTo(Loss(all)).And.Not.EqualTo(Loss(six)));
        });
        JsonArray before = Clients("all"), after = Clients("half");
        Assert.That(after.Select(c => c!["records"]!.ToJsonString()), Is.EqualTo(before.Select(c => c!["records"]!.ToJsonString())), "which ones were kept does not leave the client");
        Assert.That(after.Select(c => (int)c!["kept"]!), Is.EqualTo(new[] { 5, 10, 10 }));
        Assert.That(before[0]!["kept"], Is.Null);
        CliRun.Fails(
            2, ["partition.json", "--refine"],
            "train", "--model", Model, "--data", _data, "--partition", _folder.At("half", "partition.json"), "--client", "1", "--out", _folder.At("by-hand"));
    }

    [Test]
    public void A_stopped_run_goes_on_with_the_same_records()
    {
        string[] line = [.. Line("--refine", "qocs:8", "--rounds", "3")];
        JsonObject whole = CliRun.Json([.. line, "--out", _folder.At("whole")]);
        using (var stop = new CancellationTokenSource())
        using (var output = new StopAt("round 2:", stop))
        using (var error = new StringWriter())
            Assert.That(CommandLine.Run([.. line, "--out", _folder.At("stopped")], new VerbConsole(output, error), stop.Token), Is.EqualTo(130));
        CliRun.Fails(2, ["--refine"], [.. Line("--refine", "qocs:9", "--rounds", "3"), "--out", _folder.At("stopped"), "--resume"]);
        JsonObject resumed = CliRun.Json([.. line, "--out", _folder.At("stopped"), "--resume"]);
        Assert.That(resumed["refined"]!.ToJsonString(), Is.EqualTo(whole["refined"]!.ToJsonString()));
        Assert.That(Loss(resumed), Is.EqualTo(Loss(whole)));
        Assert.That(File.ReadAllBytes(_folder.At("stopped", "model", "model.safetensors")), Is.EqualTo(File.ReadAllBytes(_folder.At("whole", "model", "model.safetensors"))));
    }

    [Test]
    public void A_budget_that_is_too_small_for_what_is_kept_leaves_nothing_behind()
    {
        string held = _folder.Write("held.jsonl", """{"input_ids":[5,1,4,2,3]}""");
        CliRun run = CliRun.Of([.. Line("--refine", "qocs:0.5", "--value-clients", "fixed", "--value-data", held, "--value-budget", "1e-5", "--quiet"), "--out", _folder.At("out")]);
        Assert.That(run.ExitCode, Is.EqualTo(2), run.Error);
        Assert.That(run.Error, Does.Match("^--value-budget: expected at least .*, got 1E-05\n$"));
        Assert.That(Directory.Exists(_folder.At("out")), Is.False);
    }

    [TestCase("qocs")]
    [TestCase("best:3")]
    [TestCase("qocs:0")]
    [TestCase("qocs:2.5")]
    [TestCase("qwcs:x")]
    public void What_is_no_refinement_is_refused(string text) =>
        CliRun.Fails(2, ["--refine", "METHOD:COUNT"], [.. Line("--refine", text), "--out", _folder.At("out")]);

    private static double Loss(JsonObject run) => (double)run["rounds"]!.AsArray()[^1]!["clients"]![1]!["loss"]!;

    private JsonArray Clients(string run) => JsonNode.Parse(File.ReadAllText(_folder.At(run, "partition.json")))!["clients"]!.AsArray();

    private JsonObject Federate(string name, params string[] flags) => CliRun.Json([.. Line(flags), "--out", _folder.At(name)]);

    private string[] Line(params string[] flags) =>
        ["federate", "--model", Model, "--data", _data, "--partition", "sizes:5,20,19", "--rank", "2", "--batch-size", "4", "--lr", "1e-2", "--seed", "5", .. flags];
}
