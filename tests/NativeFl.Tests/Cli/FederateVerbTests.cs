using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli;
using NativeFl.Models;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

public sealed class FederateVerbTests
{
    private static readonly string Model = CliRun.Fixture("models", "llama");
    private static readonly string[] Local = ["--batch-size", "2", "--lr", "1e-2", "--lora-dropout", "0.1", "--prox-mu", "3"];

    private TemporaryFolder _folder = null!;
    private string _data = "";

    private string[] Common => ["--model", Model, "--data", _data, "--seed", "5", .. Local];

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        string[] lines = [.. Enumerable.Range(0, 12).Select(i => string.Create(
            CultureInfo.InvariantCulture, $"{{\"id\":\"r{i}\",\"kind\":\"{(i % 3 == 0 ? 'a' : 'b')}\",\"input_ids\":[{i + 3},{i + 4},{(i * 7) % 40},{i},{i + 9}]}}"))];
        _data = _folder.Write("data.jsonl", string.Join('\n', lines));
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [TestCase("1", "iid", new[] { 3 })]
    [TestCase("0.5", "dirichlet:0.5:kind", new[] { 2, 2 })]
    public void Every_round_equals_a_train_for_every_client_drawn_and_an_aggregate(string fraction, string partition, int[] drawn)
    {
        string fed = _folder.At("fed"), model = Model;
        JsonObject result = CliRun.Json([
            "federate", .. Common, "--ranks", drawn.Length == 1 ? "6,4,2" : "6,4,2,3", "--client-fraction", fraction,
            "--partition", partition, "--min-examples", "2", "--rounds", $"{drawn.Length}", "--local-epochs", "2", "--out", fed]);
        JsonObject[][] rounds = [.. result["rounds"]!.AsArray().Select(r => r!["clients"]!.AsArray().Select(c => c!.AsObject()).ToArray())];
        Assert.That(rounds.Select(clients => clients.Length), Is.EqualTo(drawn));
        Assert.That(rounds.Select(clients => string.Join(' ', clients.Select(c => c["id"]))), Is.Unique, "each round has clients of its own");
        for (int round = 1; round <= rounds.Length; round++)
        {
            List<string> adapters = [];
            foreach (JsonObject client in rounds[round - 1])
            {
                adapters.Add(_folder.At($"train-{round}-{client["id"]}"));
                CliRun.Json([
                    "train", "--model", model, "--data", _data, .. Local, "--epochs", "2", "--partition", Path.Combine(fed, "partition.json"),
                    "--client", $"{client["id"]}", "--round", $"{round}", "--out", adapters[^1]]);
                AssertClose(AdapterAt(adapters[^1]), AdapterAt(Path.Combine(fed, $"round-0{round}", $"client-0{client["id"]}")));
            }

            string weights = string.Join(',', rounds[round - 1].Select(c => (int)c["examples"]!)), merged = _folder.At($"merged-{round}");
            JsonObject aggregated = CliRun.Json([
                "aggregate", "--model", model, "--adapters", .. adapters, "--weights", weights, "--merge", "--out", merged]);
            Assert.That((double)aggregated["exactness"]!, Is.LessThan(1e-6));
            model = merged;
        }

        using Checkpoint one = Checkpoint.Open(Path.Combine(fed, "model")), other = Checkpoint.Open(model);
        foreach (string name in one.Names.Where(n => n.EndsWith("_proj.weight", StringComparison.Ordinal)))
            Assert.That(FixtureCase.Distance(Values(one, name), Values(other, name)), Is.LessThan(1e-5), name);
    }

    [Test]
    public void Json_and_files_are_those_that_scripts_rely_on()
    {
        string fed = _folder.At("fed");
        JsonObject result = CliRun.Json([
            "federate", .. Common, "--ranks", "4,2", "--partition", "sizes:8,4", "--rounds", "2", "--eval-data", _data, "--out", fed]);
        Assert.That((string?)result["method"], Is.EqualTo("flora"));
        JsonObject[] rounds = [.. result["rounds"]!.AsArray().Select(r => r!.AsObject())];
        Assert.That(rounds.Select(r => (int)r["round"]!), Is.EqualTo(new[] { 1, 2 }));
        foreach (JsonObject round in rounds)
        {
            Assert.That((double)round["exactness"]!, Is.LessThan(1e-6));
            Assert.That((double)round["rounding"]!, Is.LessThan(1e-4));
            Assert.That((double)round["eval"]!["loss"]!, Is.GreaterThan(0));
            Assert.That((double)round["seconds"]!, Is.GreaterThan(0));
            Assert.That(round["clients"]!.AsArray().Select(c => (int)c!["examples"]!), Is.EqualTo(new[] { 8, 4 }));
            foreach (JsonNode? client in round["clients"]!.AsArray())
            {
                Assert.That((int)client!["steps"]!, Is.EqualTo((int)client["examples"]! / 2));
                Assert.That((double)client["loss"]!, Is.GreaterThan(0));
                Assert.That((long)client["download_bytes"]!, Is.GreaterThan((long)client["upload_bytes"]!));
            }
        }

        Assert.That((double)rounds[1]["eval"]!["loss"]!, Is.LessThan((double)result["initial_eval"]!["loss"]!));
        string[] files = ["partition.json", "metrics.jsonl", "report.html", "run.json", "model/model.safetensors", "round-01/client-00/adapter_config.json",
            "round-02/client-01/adapter_model.safetensors", "round-02/global/adapter_config.json"];
        Assert.That(files.Where(f => !File.Exists(Path.Combine(fed, f))), Is.Empty);
        Assert.That(Directory.Exists(Path.Combine(fed, "checkpoint")), Is.False);
        Assert.That(File.ReadLines(Path.Combine(fed, "metrics.jsonl")).Count(), Is.EqualTo(2));

        JsonObject record = JsonNode.Parse(File.ReadAllText(Path.Combine(fed, "run.json")))!.AsObject();
        string recipe = _folder.Write("again.json", record["recipe"]!.ToJsonString());
        JsonObject again = CliRun.Json("federate", "--recipe", recipe, "--out", _folder.At("again"));
        Assert.That(Losses(again), Is.EqualTo(Losses(result)), "run.json holds a recipe that does the same again");
    }

    [TestCase("flora")]
    [TestCase("flora-unmerged")]
    [TestCase("zero-padding")]
    [TestCase("flexlora")]
    [TestCase("florist")]
    [TestCase("local")]
    [TestCase("centralized")]
    [TestCase("full")]
    public void A_stopped_run_resumes_to_the_same_bits(string method)
    {
        string[] line = ["federate", .. Common, "--ranks", "4,2", "--rounds", "2", "--local-epochs", "2", "--method", method];
        JsonObject whole = CliRun.Json([.. line, "--out", _folder.At("whole")]);
        string stopped = _folder.At("stopped");

        using (var stop = new CancellationTokenSource())
        {
            stop.Cancel();
            CliRun run = CliRun.Of([.. line, "--out", stopped], stop.Token);
            Assert.That(run.ExitCode, Is.EqualTo(130), run.Error);
            Assert.That(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1], Does.StartWith("stopped"));
        }

        Assert.That(File.Exists(Path.Combine(stopped, "run.json")), Is.False);
        JsonObject resumed = CliRun.Json([.. line, "--out", stopped, "--resume"]);
        Assert.That(Losses(resumed), Is.EqualTo(Losses(whole)));
    }

    [Test]
    public void A_run_stopped_inside_a_later_round_resumes_to_the_same_bits([Values("flora", "fedavg", "flora-unmerged")] string method)
    {
        string[] line = ["federate", .. Common, "--clients", "2", "--ranks", "4", "--rounds", "3", "--local-epochs", "2", "--method", method];
        JsonObject whole = CliRun.Json([.. line, "--out", _folder.At("whole")]);
        string stopped = _folder.At("stopped");

        // The progress bar of the second round appears when its first step is done.
        using var stop = new CancellationTokenSource();
        using var output = new StringWriter();
        using var error = new StopAt("round 2 [", stop);
        int code = CommandLine.Run([.. line, "--out", stopped], new VerbConsole(output, error, IsErrorTerminal: true), stop.Token);
        Assert.That(code, Is.EqualTo(130), error.ToString());
        Assert.That(Directory.Exists(Path.Combine(stopped, "round-01")), Is.True);
        Assert.That(Directory.Exists(Path.Combine(stopped, "round-02")), Is.False);

        JsonObject resumed = CliRun.Json([.. line, "--out", stopped, "--resume"]);
        Assert.That(Losses(resumed), Is.EqualTo(Losses(whole)));
        Assert.That(resumed["rounds"]!.AsArray().Select(r => (int)r!["round"]!), Is.EqualTo(new[] { 1, 2, 3 }));
        Assert.That(
            File.ReadAllBytes(Path.Combine(stopped, "model", "model.safetensors")),
            Is.EqualTo(File.ReadAllBytes(Path.Combine(_folder.At("whole"), "model", "model.safetensors"))));
    }

    private static double?[] Losses(JsonObject result) =>
        [.. result["rounds"]!.AsArray().SelectMany(r => r!["clients"]!.AsArray()).Select(c => (double?)c!["loss"])];

    private static AdapterWeights AdapterAt(string folder) => AdapterFolder.Load(folder, ModelConfigFile.Load(Model)).Weights;

    private static float[] Values(Checkpoint checkpoint, string name)
    {
        _ = ModuleId.TryParse(name.AsSpan(0, name.Length - ".weight".Length), out ModuleId module);
        (int rows, int columns) = checkpoint.Config.ShapeOf(module.Projection);
        var values = new float[rows * columns];
        checkpoint.Read(name, 0, columns, values);
        return values;
    }

    private static void AssertClose(AdapterWeights got, AdapterWeights expected)
    {
        Assert.That(got.Modules.Keys, Is.EqualTo(expected.Modules.Keys));
        foreach ((ModuleId module, LoraFactors factors) in got.Modules)
        {
            Assert.That(FixtureCase.Distance(factors.A, expected.Modules[module].A), Is.LessThan(1e-4), $"{module} A");
            Assert.That(FixtureCase.Distance(factors.B, expected.Modules[module].B), Is.LessThan(1e-3), $"{module} B");
        }
    }
}
