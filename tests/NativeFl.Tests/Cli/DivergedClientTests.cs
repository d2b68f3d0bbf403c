using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tests.Federation;

namespace NativeFl.Tests.Cli;

/// <summary>
/// A client that diverges in the command line. At a rate of 1e30 the first step is still finite and the second has no finite loss, so a client of
/// one step comes through and a client of several does not.
/// </summary>
public sealed class DivergedClientTests
{
    private static readonly string Model = CliRun.Fixture("models", "llama");

    private TemporaryFolder _folder = null!;
    private string[] _line = [];

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        string[] records = [.. Enumerable.Range(0, 8).Select(i =>
            string.Create(CultureInfo.InvariantCulture, $"{{\"id\":\"r{i}\",\"input_ids\":[{i + 3},{i + 4},{(i * 7) % 40},{i},{i + 9}]}}"))];
        string data = _folder.Write("data.jsonl", string.Join('\n', records));
        _line =
        [
            "federate", "--model", Model, "--data", data, "--seed", "5", "--ranks", "4", "--partition", "sizes:2,6", "--batch-size", "2", "--rounds", "1",
            "--lr", "1e30", "--device", "cpu", "--dtype", "f32", "--json", "--quiet",
        ];
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void It_is_warned_of_marked_and_left_out([Values("flora", "fedavg", "local", "full")] string method)
    {
        string fed = _folder.At("fed");
        CliRun run = CliRun.Of([.. _line, "--method", method, "--out", fed]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.Error, Is.EqualTo("warning: round 1: client 1 diverged after 2 steps and is left out of the round" + Environment.NewLine));
        JsonObject result = JsonNode.Parse(run.Output)!.AsObject();
        JsonObject metrics = JsonNode.Parse(File.ReadLines(Path.Combine(fed, "metrics.jsonl")).Single())!.AsObject();
        foreach (JsonObject round in new[] { result["rounds"]![0]!.AsObject(), metrics })
        {
            JsonObject healthy = round["clients"]![0]!.AsObject(), diverged = round["clients"]![1]!.AsObject();
            Assert.Multiple(() =>
            {
                Assert.That(healthy.ContainsKey("dropped"), Is.False);
                Assert.That((double)healthy["loss"]!, Is.GreaterThan(0));
                Assert.That((int)healthy["steps"]!, Is.EqualTo(1));
                Assert.That((bool)diverged["dropped"]!);
                Assert.That(diverged["loss"], Is.Null);
                Assert.That((int)diverged["steps"]!, Is.EqualTo(2));
            });
        }

        Assert.That(File.ReadAllText(Path.Combine(fed, "report.html")), Does.Contain("diverged, left out"));
        Assert.That(Directory.Exists(Path.Combine(fed, "round-01", "client-01")), Is.False);
        if (method != "full") Assert.That(AdapterAt(fed, "client-00").IsFinite);
        if (method is not ("flora" or "fedavg")) return;
        foreach ((ModuleId module, LoraFactors factors) in AdapterAt(fed, "global").Modules)
        {
            double[,] whole = Adapters.Dense(AdapterAt(fed, "client-00").Modules[module]);
            Assert.That(Adapters.Distance(Adapters.Dense(factors), whole), Is.LessThan(1e-6), $"{module}: the weight of the client that is left is 1");
        }
    }

    [Test]
    public void Where_no_client_is_left_the_run_fails_and_leaves_no_model([Values("flora", "local", "full")] string method)
    {
        CliRun run = CliRun.Of([.. _line, "--method", method, "--local-epochs", "3", "--out", _folder.At("fed")]);
        string[] lines = run.Error.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Multiple(() =>
        {
            Assert.That(run.ExitCode, Is.EqualTo(1));
            Assert.That(run.Output, Is.Empty);
            Assert.That(lines[^1], Is.EqualTo("round 1: every client diverged"));
            Assert.That(lines[..^1], Has.Length.EqualTo(2).And.All.StartsWith("warning: round 1: client "));
            Assert.That(File.Exists(_folder.At("fed", "run.json")), Is.False);
            Assert.That(Directory.Exists(_folder.At("fed", "model")), Is.False);
            Assert.That(Directory.Exists(_folder.At("fed", "round-01")), Is.False);
        });
    }

    private static AdapterWeights AdapterAt(string fed, string name) =>
        AdapterFolder.Load(Path.Combine(fed, "round-01", name), ModelConfigFile.Load(Model)).Weights;
}
