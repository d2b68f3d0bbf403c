using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli;
using NativeFl.Models;

namespace NativeFl.Tests.Cli;

/// <summary>federate --client-drops and --memory-budget, seen from outside.</summary>
public sealed class FederationDepthTests
{
    private static readonly string Model = CliRun.Fixture("models", "llama");

    private TemporaryFolder _folder = null!;
    private string _data = "", _drops = "";

    private string[] Line => ["federate", "--model", Model, "--data", _data, "--seed", "5", "--batch-size", "2", "--lr", "1e-2", "--clients", "3", "--rank", "8"];

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        _data = _folder.Write("data.jsonl", string.Join('\n', Enumerable.Range(0, 12).Select(i => string.Create(
            CultureInfo.InvariantCulture, $"{{\"id\":\"r{i}\",\"input_ids\":[{i + 3},{i + 4},{(i * 7) % 40},{i},{i + 9}]}}"))));
        _drops = _folder.Write("drops.json", """{"1": {"drop_attn_list": [2]}, "2": {"drop_attn_list": [false, true, true], "drop_mlp_list": [false, false, true]}}""");
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void A_shallow_client_is_to_the_bit_what_train_makes_of_the_dropped_checkpoint_and_of_the_partition()
    {
        Federate("fed", "--client-drops", _drops, "--rounds", "1", "--ranks", "4,8,2");
        CliRun.Json("drop", "--model", Model, "--count", "1", "--method", "last", "--out", _folder.At("dropped"));
        string[] train = ["train", "--data", _data, "--batch-size", "2", "--lr", "1e-2", "--partition", _folder.At("fed", "partition.json"), "--client"];
        CliRun.Json([.. train, "1", "--model", _folder.At("dropped"), "--out", _folder.At("of-dropped")]);
        foreach (string client in new[] { "0", "1", "2" }) CliRun.Json([.. train, client, "--model", Model, "--out", _folder.At("hand-" + client)]);
        byte[] Adapter(params ReadOnlySpan<string> parts) => File.ReadAllBytes(_folder.At([.. parts, "adapter_model.safetensors"]));
        Assert.Multiple(() =>
        {
            Assert.That(Adapter("of-dropped"), Is.EqualTo(Adapter("fed", "round-01", "client-01")));
            foreach (int client in new[] { 0, 1, 2 }) Assert.That(Adapter($"hand-{client}"), Is.EqualTo(Adapter("fed", "round-01", $"client-0{client}")));
        });
        IEnumerable<int> Modules(string client) =>
            [AdapterFolder.Load(_folder.At("fed", "round-01", client), ModelConfigFile.Load(Model)).Weights.Modules.Count];
        Assert.That(new[] { "client-00", "client-01", "client-02" }.SelectMany(Modules), Is.EqualTo(new[] { 21, 17, 10 }));
    }

    [Test]
    public void A_base_that_lacks_layers_federates_with_clients_that_lack_more()
    {
        CliRun.Json("drop", "--model", Model, "--count", "1", "--granularity", "mlp", "--method", "first", "--out", _folder.At("dropped"));
        JsonObject result = Federate("fed", "--model", _folder.At("dropped"), "--client-drops", _drops, "--rounds", "2", "--eval-data", _data);
        Assert.That(Clients(result, "sublayers"), Is.EqualTo(new[] { 5, 4, 2 }));
        Assert.That(result["clients"]![1]!["drop_mlp_list"]!.ToJsonString(), Is.EqualTo("[true,false,false]"));
        Assert.That(result["rounds"]!.AsArray().Select(r => (double)r!["exactness"]!), Has.All.LessThan(1e-6));
        Assert.That((double)result["rounds"]![1]!["eval"]!["loss"]!, Is.LessThan((double)result["initial_eval"]!["loss"]!));
        Assert.That(ModelConfigFile.Load(_folder.At("fed", "model")).Dropped.ToString(), Is.EqualTo("mlp 0"), "the server's model keeps the base's depth");
    }

    [Test]
    public void The_result_and_the_report_say_what_every_client_has()
    {
        JsonObject result = Federate("fed", "--client-drops", _drops, "--rounds", "1");
        Assert.That(Clients(result, "sublayers"), Is.EqualTo(new[] { 6, 5, 3 }));
        Assert.That(result["clients"]![2]!["drop_attn_list"]!.ToJsonString(), Is.EqualTo("[false,true,true]"));
        Assert.That(result["clients"]![2]!["budget_bytes"], Is.Null);
        long[] bytes = [.. result["clients"]!.AsArray().Select(c => (long)c!["base_bytes"]!)];
        Assert.That(bytes[0], Is.EqualTo((long)result["base_bytes"]!));
        Assert.That(bytes, Is.Ordered.Descending.And.Unique);
        string report = File.ReadAllText(_folder.At("fed", "report.html"));
        Assert.That(report, Does.Contain("Depth and memory of the clients").And.Contain(">1, 2</td>"));
        JsonObject uniform = Federate("uniform", "--rounds", "1");
        Assert.That(uniform["clients"], Is.Null);
        Assert.That(File.ReadAllText(_folder.At("uniform", "report.html")), Does.Not.Contain("Depth and memory"));
        Assert.That(File.ReadAllText(_folder.At("uniform", "partition.json")), Does.Not.Contain("drop_"));
    }

    [Test]
    public void A_budget_plans_rank_and_depth_and_says_so_before_the_run()
    {
        long[] needs = Needs();
        string budgets = string.Join(',', needs[0], needs[0] - 1, needs[1] - 1);
        CliRun run = CliRun.Of([.. Line, "--memory-budget", budgets, "--min-rank", "4", "--rounds", "1", "--out", _folder.At("fed"), "--quiet"]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        string[] lines = run.Output.Split('\n');
        Assert.That(lines[0], Does.StartWith("client 0: ").And.EndWith("rank 8, whole depth"));
        Assert.That(lines[1], Does.StartWith("client 1: ").And.EndWith("rank 4, whole depth"));
        Assert.That(lines[2], Does.StartWith("client 2: ").And.EndWith(", without attention 2"));
        JsonObject result = JsonNode.Parse(File.ReadAllText(_folder.At("fed", "run.json")))!["results"]!.AsObject();
        Assert.That(Clients(result, "sublayers"), Is.EqualTo(new[] { 6, 6, 5 }));
        Assert.That(result["clients"]!.AsArray().Zip(needs.Prepend(needs[0]), (c, _) => (long)c!["planned_bytes"]! <= (long)c["budget_bytes"]!), Has.All.True);
        Assert.That((double)result["clients"]![1]!["alpha"]!, Is.EqualTo(8), "twice the rank, as it was asked for");

        CliRun.Json("drop", "--model", Model, "--count", "1", "--granularity", "mlp", "--method", "first", "--out", _folder.At("order"));
        JsonObject other = Federate("other", "--memory-budget", budgets, "--min-rank", "4", "--rounds", "1", "--drop-order", _folder.At("order"));
        Assert.That(other["clients"]![2]!["drop_mlp_list"]!.ToJsonString(), Is.EqualTo("[true,false,false]"));
        Assert.That(other["clients"]![2]!["drop_attn_list"]!.ToJsonString(), Is.EqualTo("[false,false,false]"));
    }

    [TestCase("--client-drops DROPS --memory-budget 1GiB", "--memory-budget", "either --client-drops or --memory-budget, got both")]
    [TestCase("--min-rank 2", "--min-rank", "--memory-budget with it, got none")]
    [TestCase("--drop-order MODEL --client-drops DROPS", "--drop-order", "--memory-budget with it, got none")]
    [TestCase("--drop-order MODEL --memory-budget 1GiB", "scores.json or drop.json, got neither")]
    [TestCase("--memory-budget 1GiB,2GiB", "--memory-budget", "one value or 3, one a client, got 2")]
    [TestCase("--memory-budget 1Gb", "--memory-budget", "such as 1500MB or 2GiB, got '1Gb'")]
    [TestCase("--memory-budget 0", "--memory-budget", "sizes above 0", "'0'")]
    [TestCase("--memory-budget -1GB", "--memory-budget", "sizes above 0", "'-1GB'")]
    [TestCase("--memory-budget 1e30TB", "--memory-budget", "sizes above 0", "'1e30TB'")]
    [TestCase("--memory-budget NaN", "--memory-budget", "sizes above 0", "'NaN'")]
    [TestCase("--memory-budget 1GiB --method full", "--memory-budget", "got --method full")]
    [TestCase("--memory-budget 1GiB --method flora-unmerged", "--memory-budget", "got --method flora-unmerged")]
    [TestCase("--memory-budget 10kB --quiet", "--memory-budget: expected at least ", "bytes for client 0, whose smallest plan is rank 4 without attention 1, attention 2, got 10000")]
    [TestCase("--client-drops DATA", "data.jsonl", "a JSON object")]
    [TestCase("--client-drops MISSING", "--client-drops", "'MISSING', which does not exist")]
    [TestCase("--client-drops DROPS --clients 2", "drops.json", "clients from 0 to 1, got \"2\"")]
    [TestCase("--client-drops DROPS --method fedavg", "--method fedavg", "clients of one depth, or --renormalize module", "client 1 without attention 2")]
    [TestCase("--client-drops DROPS --method full", "--method full", "clients of whole depth", "client 1 without attention 2")]
    [TestCase("--client-drops DROPS --target-modules model.layers.2.self_attn.q_proj", "--client-drops", "none of them for client 1")]
    public void What_does_not_go_together_is_refused_and_nothing_written(string flags, params string[] says)
    {
        string[] given = [.. flags.Split(' ').Select(word => word switch { "DROPS" => _drops, "MODEL" => Model, "DATA" => _data, _ => word })];
        string[] line = flags.Contains("--clients", StringComparison.Ordinal) ? [.. Line.Except(["--clients", "3"])] : Line;
        CliRun.Fails(2, says, [.. line, .. given, "--out", _folder.At("out")]);
        Assert.That(Directory.Exists(_folder.At("out")), Is.False);
    }

    [TestCase("""{"drop_attn_list": [true, false]}""", "drop_attn_list: expected 3 booleans, one a layer, got 2")]
    [TestCase("""{"drop_mlp_list": [true, false, false, true]}""", "drop_mlp_list: expected 3 booleans, one a layer, got 4")]
    [TestCase("""{"drop_attn_list": [3]}""", "drop_attn_list: expected an integer from 0 to 2", "got 3")]
    [TestCase("""{"drop_mlp_list": [0, -1]}""", "drop_mlp_list: expected an integer from 0 to 2", "got -1")]
    [TestCase("""{"drop_attn_list": [1, 0, 1]}""", "drop_attn_list: expected each layer once, got 1 twice")]
    [TestCase("""{"drop_attn_list": [0, 1, 2]}""", "drop_attn_list: expected at least one attention layer kept, got all of them dropped")]
    [TestCase("""{"drop_attn_list": [true, true, true]}""", "drop_attn_list: expected at least one attention layer kept, got all of them dropped")]
    [TestCase("""{"drop_attn_list": [0], "drop_mlp_list": [false, true, false]}""", "drop_mlp_list: expected a list of layer numbers")]
    [TestCase("""{"drop_attn_list": 1}""", "drop_attn_list: expected a list of booleans or of layer numbers, got 1")]
    public void A_bad_list_of_a_client_is_refused_by_its_place_and_nothing_written(string lists, params string[] says)
    {
        string drops = _folder.Write("bad.json", "{\"0\": {}, \"2\": " + lists + "}");
        CliRun.Fails(2, [$"{drops}: client 2: ", .. says], [.. Line, "--client-drops", drops, "--out", _folder.At("out")]);
        Assert.That(Directory.Exists(_folder.At("out")), Is.False);
    }

    [Test]
    public void A_client_that_would_lose_the_attention_that_a_dropped_base_has_left_is_refused()
    {
        CliRun.Json("drop", "--model", Model, "--count", "1", "--method", "first", "--out", _folder.At("dropped"));
        string drops = _folder.Write("bad.json", """{"1": {"drop_attn_list": [1, 2]}}""");
        CliRun.Fails(
            2, [$"{drops}: client 1: drop_attn_list: expected at least one attention layer kept, got all of them dropped"],
            [.. Line.Except(["--model", Model]), "--model", _folder.At("dropped"), "--client-drops", drops, "--out", _folder.At("out")]);
        Assert.That(Directory.Exists(_folder.At("out")), Is.False);
    }

    [Test]
    public void A_run_stopped_in_its_second_round_goes_on_to_the_same_bits([Values("flora", "zero-padding", "local")] string method)
    {
        string[] line = [.. Line, "--client-drops", _drops, "--method", method, "--rounds", "2", "--local-epochs", "2"];
        JsonObject whole = CliRun.Json([.. line, "--out", _folder.At("whole")]);
        using var stop = new CancellationTokenSource();
        using var output = new StringWriter();
        using var error = new StopAt("round 2 [", stop);
        int code = CommandLine.Run([.. line, "--out", _folder.At("stopped")], new VerbConsole(output, error, IsErrorTerminal: true), stop.Token);
        Assert.That(code, Is.EqualTo(130), error.ToString());
        JsonObject resumed = CliRun.Json([.. line, "--out", _folder.At("stopped"), "--resume"]);
        Assert.That(resumed["clients"]!.ToJsonString(), Is.EqualTo(whole["clients"]!.ToJsonString()));
        foreach (string client in new[] { "client-00", "client-01", "client-02" })
        {
            byte[] Adapter(string run) => File.ReadAllBytes(_folder.At(run, "round-02", client, "adapter_model.safetensors"));
            Assert.That(Adapter("stopped"), Is.EqualTo(Adapter("whole")), client);
        }
    }

    [TestCase("--client-drops DROPS", "--client-drops OTHER", "--client-drops: expected what the run in", "other content")]
    [TestCase("--client-drops DROPS", "", "--client-drops: expected what the run in")]
    [TestCase("", "--client-drops DROPS", "--client-drops: expected what the run in")]
    [TestCase("--memory-budget 1GiB", "--memory-budget 2GiB", "--memory-budget: expected 1073741824", "got 2147483648")]
    [TestCase("--memory-budget 1GiB", "--memory-budget 1GiB --min-rank 8", "--min-rank: expected 4", "got 8")]
    [TestCase("--memory-budget 1GiB --drop-order FIRST", "--memory-budget 1GiB --drop-order LAST", "--drop-order: expected what the run in", "other content")]
    public void Resume_refuses_another_depth_by_the_flag_that_differs(string first, string second, params string[] says)
    {
        string ranking = """{"ranking": [{"layers": [LAYER], "kinds": ["mlp"]}]}""";
        foreach ((string name, string layer) in new[] { ("first", "0"), ("last", "2") })
            _folder.Write(Path.Combine(name, "drop.json"), ranking.Replace("LAYER", layer, StringComparison.Ordinal));
        string other = _folder.Write("other.json", """{"1": {"drop_attn_list": [1]}}""");
        string[] With(string flags) => [.. Line, .. flags.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word switch
        {
            "DROPS" => _drops,
            "OTHER" => other,
            "FIRST" or "LAST" => _folder.At(word.ToLowerInvariant()),
            _ => word,
        })];
        using (var stop = new CancellationTokenSource())
        {
            stop.Cancel();
            Assert.That(CliRun.Of([.. With(first), "--out", _folder.At("fed")], stop.Token).ExitCode, Is.EqualTo(130));
        }

        CliRun run = CliRun.Of([.. With(second), "--out", _folder.At("fed"), "--resume", "--quiet"]);
        Assert.That(run.ExitCode, Is.EqualTo(2), run.Error);
        foreach (string part in says) Assert.That(run.Error, Does.Contain(part));
    }

    private JsonObject Federate(string name, params string[] flags)
    {
        string[] line = flags.Contains("--model") ? [.. Line.Except(["--model", Model])] : Line;
        return CliRun.Json([.. line, .. flags, "--out", _folder.At(name)]);
    }

    private static IEnumerable<int> Clients(JsonObject result, string member) => result["clients"]!.AsArray().Select(c => (int)c![member]!);

    /// <summary>What clients of ranks 8 and 4 need at their whole depth.</summary>
    private long[] Needs()
    {
        JsonObject result = Federate("needs", "--memory-budget", "1GiB", "--ranks", "8,4,4", "--rounds", "1");
        return [.. result["clients"]!.AsArray().Take(2).Select(c => (long)c!["planned_bytes"]!)];
    }
}
