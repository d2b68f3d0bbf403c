using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>What a flag does, seen from outside: in the files that a run writes and the numbers that it reports.</summary>
public sealed class FlagEffectTests : FixtureVerbTest
{
    private static readonly string Model = CliRun.Fixture("models", "llama");

    // Transformers' schedulers with 2 warm-up steps of 6, by hand.
    [TestCase("constant", new[] { 0, 0.5, 1, 1, 1, 1 })]
    [TestCase("linear", new[] { 0, 0.5, 1, 0.75, 0.5, 0.25 })]
    [TestCase("cosine", new[] { 0, 0.5, 1, 0.8535533905932737, 0.5, 0.14644660940672627 })]
    public void The_learning_rate_follows_schedule_and_warmup(string schedule, double[] shares)
    {
        Train("out", "--steps", "6", "--lr", "2e-3", "--warmup", "2", "--schedule", schedule);
        double[] rates = [.. Metrics("out").Select(m => (double)m["learning_rate"]!)];
        Assert.That(rates, Is.EqualTo(shares.Select(share => 2e-3 * share)).Within(1e-15));
    }

    [Test]
    public void Accumulated_micro_batches_are_one_batch()
    {
        JsonObject whole = Train("whole", "--no-shuffle", "--batch-size", "3", "--epochs", "2", "--lr", "1e-3");
        JsonObject parts = Train("parts", "--no-shuffle", "--batch-size", "1", "--grad-accum", "3", "--epochs", "2", "--lr", "1e-3");
        Assert.That(((int)parts["steps"]!, (long)parts["tokens"]!), Is.EqualTo(((int)whole["steps"]!, (long)whole["tokens"]!)));
        double[] losses = [.. parts["losses"]!.AsArray().Select(l => (double)l!)], expected = [.. whole["losses"]!.AsArray().Select(l => (double)l!)];
        Assert.That(losses.Zip(expected, (x, y) => Math.Abs(x - y) / y), Has.All.LessThan(1e-4));
        Assert.That((int)Train("one", "--batch-size", "1", "--epochs", "2")["steps"]!, Is.EqualTo(6), "without accumulation");
    }

    [Test]
    public void An_adapter_says_its_modules_and_its_kind()
    {
        Train("rs", "--steps", "2", "--rank", "4", "--alpha", "6", "--rslora", "--target-modules", "v_proj,down_proj", "--lora-dropout", "0.25");
        Train("plain", "--steps", "2", "--rank", "4", "--alpha", "6", "--target-modules", "v_proj,down_proj", "--lora-dropout", "0.25");
        AdapterFolderContent rs = Adapter("rs"), plain = Adapter("plain");
        Assert.Multiple(() =>
        {
            Assert.That(rs.Weights.Modules.Keys.Select(m => m.Projection).Distinct(), Is.EqualTo(new[] { Projection.Value, Projection.Down }));
            Assert.That(rs.Weights.Modules, Has.Count.EqualTo(6), "two a layer");
            Assert.That((rs.Settings.UseRsLora, plain.Settings.UseRsLora), Is.EqualTo((true, false)));
            Assert.That((rs.Settings.Dropout, plain.Settings.Dropout), Is.EqualTo((0.25, 0.25)));
            Assert.That(rs.Weights.Modules.Values.Select(f => f.Scaling), Has.All.EqualTo(3f), "6 over the root of 4");
            Assert.That(plain.Weights.Modules.Values.Select(f => f.Scaling), Has.All.EqualTo(1.5f), "6 over 4");
        });
        JsonObject written = JsonNode.Parse(File.ReadAllText(Folder.At("rs", "adapter_config.json")))!.AsObject();
        Assert.That(((int)written["r"]!, (double)written["lora_alpha"]!, (bool)written["use_rslora"]!), Is.EqualTo((4, 6.0, true)));
    }

    [TestCase("--alphas 3,5", 3.0, 5.0)]
    [TestCase("--alphas 3", 3.0, 3.0)]
    [TestCase("--scaling 3", 12.0, 6.0)]
    [TestCase("--alpha 1.5r", 6.0, 3.0)]
    [TestCase("--alpha 7", 7.0, 7.0)]
    [TestCase("--alphas 3,5 --rslora", 3.0, 5.0)]
    public void Every_client_has_the_alpha_that_was_given(string flags, double first, double second)
    {
        Federate("fed", ["--ranks", "4,2", "--rounds", "1", "--target-modules", "q_proj", .. flags.Split(' ')]);
        (double Alpha, int Rank, AdapterFolderContent Read)[] clients = [.. new[] { (first, 4), (second, 2) }.Select((c, k) => (c.Item1, c.Item2, Adapter(
            "fed", "round-01", string.Create(CultureInfo.InvariantCulture, $"client-{k:00}"))))];
        foreach ((double alpha, int rank, AdapterFolderContent read) in clients)
        {
            bool isRs = flags.EndsWith("--rslora", StringComparison.Ordinal);
            Assert.That(read.Settings.UseRsLora, Is.EqualTo(isRs));
            Assert.That(read.Weights.Modules.Keys.Select(m => m.Projection), Has.All.EqualTo(Projection.Query));
            Assert.That(read.Weights.Modules.Values.Select(f => f.Rank), Has.All.EqualTo(rank));
            Assert.That(read.Weights.Modules.Values.Select(f => f.Scaling), Has.All.EqualTo((float)(alpha / (isRs ? Math.Sqrt(rank) : rank))));
        }
    }

    [Test]
    public void A_fraction_of_the_clients_is_drawn_for_every_round()
    {
        string[] lines = [.. Enumerable.Range(0, 8).Select(i => string.Create(CultureInfo.InvariantCulture, $"{{\"input_ids\":[{i + 3},{i + 4},{i},{i + 9}]}}"))];
        File.WriteAllLines(Data, lines);
        JsonObject result = Federate("fed", "--clients", "4", "--rank", "2", "--rounds", "4", "--client-fraction", "0.5");
        int[][] drawn = [.. result["rounds"]!.AsArray().Select(r => r!["clients"]!.AsArray().Select(c => (int)c!["id"]!).ToArray())];
        Assert.That(drawn.Select(d => d.Distinct().Count()), Has.All.EqualTo(2));
        Assert.That(drawn.Select(d => string.Join(',', d)).Distinct().Count(), Is.GreaterThan(1), "not the same in every round");
        Assert.That(Directory.GetDirectories(Folder.At("fed", "round-01"), "client-*"), Has.Length.EqualTo(2));
    }

    [Test]
    public void Renormalised_weights_leave_out_clients_that_did_not_train()
    {
        string[] line = ["--ranks", "4,0", "--partition", "sizes:2,1", "--rounds", "1"];
        Federate("none", line);
        Federate("module", [.. line, "--renormalize", "module"]);
        LoraFactors part = Adapter("none", "round-01", "global").Weights.Modules[new ModuleId(0, Projection.Query)];
        LoraFactors whole = Adapter("module", "round-01", "global").Weights.Modules[new ModuleId(0, Projection.Query)];
        Assert.That(whole.B, Is.EqualTo(part.B));
        Assert.That(FixtureCase.Distance([.. part.A.Select(a => 1.5f * a)], whole.A), Is.LessThan(1e-6), "one of three records is not that client's");
    }

    [Test]
    public void Aggregated_weights_are_renormalised_over_those_that_have_the_module()
    {
        Train("one", "--steps", "1", "--rank", "2", "--target-modules", "q_proj");
        Train("other", "--steps", "1", "--rank", "2", "--target-modules", "v_proj");
        string[] line = ["aggregate", "--model", Model, "--adapters", Folder.At("one"), Folder.At("other"), "--weights", "3,1"];
        CliRun.Json([.. line, "--out", Folder.At("none")]);
        CliRun.Json([.. line, "--renormalize", "module", "--out", Folder.At("module")]);
        foreach ((Projection projection, float factor) in new[] { (Projection.Query, 4 / 3f), (Projection.Value, 4f) })
        {
            LoraFactors part = Adapter("none").Weights.Modules[new ModuleId(1, projection)], whole = Adapter("module").Weights.Modules[new ModuleId(1, projection)];
            Assert.That(FixtureCase.Distance([.. part.A.Select(a => factor * a)], whole.A), Is.LessThan(1e-6), $"{projection}");
        }
    }

    [Test]
    public void Training_by_hand_takes_the_seed_of_its_round()
    {
        Federate("fed", "--ranks", "4,2", "--rounds", "2");
        CliRun.Json(
            "aggregate", "--model", Model, "--adapters", Folder.At("fed", "round-01", "client-00"), Folder.At("fed", "round-01", "client-01"),
            "--weights", Weights("fed"), "--merge", "--out", Folder.At("second"));
        foreach (string round in new[] { "1", "2" })
        {
            CliRun.Json(
                "train", "--model", Folder.At("second"), "--data", Data, "--batch-size", "2", "--lr", "1e-2",
                "--partition", Folder.At("fed", "partition.json"), "--client", "1", "--round", round, "--out", Folder.At("by-hand-" + round));
        }

        // A fresh adapter's A is drawn from the seed, and little of it changes in a round.
        double[] distances = [.. new[] { "1", "2" }.Select(round => FixtureCase.Distance(
            Adapter("by-hand-" + round).Weights.Modules[new ModuleId(0, Projection.Query)].A,
            Adapter("fed", "round-02", "client-01").Weights.Modules[new ModuleId(0, Projection.Query)].A))];
        Assert.That(distances[1], Is.LessThan(1e-3));
        Assert.That(distances[0], Is.GreaterThan(0.5));
    }

    [Test]
    public void Drawn_tokens_follow_temperature_top_k_top_p_and_seed()
    {
        string ids = Folder.Write("ids.json", "{\"input_ids\":[[5,9,14]]}");
        string Of(params string[] flags) =>
            CliRun.Json(["generate", "--model", Model, "--ids", ids, "--max-new-tokens", "12", "--ignore-eos", .. flags])["ids"]!.ToJsonString();
        string greedy = Of(), drawn = Of("--temperature", "50");
        Assert.Multiple(() =>
        {
            Assert.That(drawn, Is.Not.EqualTo(greedy));
            Assert.That(Of("--temperature", "50"), Is.EqualTo(drawn), "the same seed");
            Assert.That(Of("--temperature", "50", "--seed", "1"), Is.Not.EqualTo(drawn));
            Assert.That(Of("--temperature", "1e-4"), Is.EqualTo(greedy));
            Assert.That(Of("--temperature", "50", "--top-k", "1"), Is.EqualTo(greedy), "one token to draw from");
            Assert.That(Of("--temperature", "50", "--top-k", "2"), Is.Not.EqualTo(greedy).And.Not.EqualTo(drawn));
            Assert.That(Of("--temperature", "50", "--top-p", "1e-6"), Is.EqualTo(greedy), "only the likeliest has that share");
            Assert.That(Of("--temperature", "50", "--top-p", "0.5"), Is.Not.EqualTo(greedy).And.Not.EqualTo(drawn));
        });
    }

    private JsonObject Train(string name, params string[] flags) =>
        CliRun.Json(["train", "--model", Model, "--data", Data, "--seed", "3", .. flags, "--out", Folder.At(name)]);

    private JsonObject Federate(string name, params string[] flags)
    {
        string[] clients = flags.Contains("--clients") || flags.Contains("--partition") ? [] : ["--clients", "2"];
        return CliRun.Json(
            ["federate", "--model", Model, "--data", Data, "--seed", "5", "--batch-size", "2", "--lr", "1e-2", .. clients, .. flags, "--out", Folder.At(name)]);
    }

    private string Weights(string fed) => string.Join(',', JsonNode.Parse(File.ReadAllText(Folder.At(fed, "partition.json")))!["clients"]!.AsArray()
        .Select(c => c!["records"]!.AsArray().Count));

    private AdapterFolderContent Adapter(params ReadOnlySpan<string> parts) => AdapterFolder.Load(Folder.At(parts), ModelConfigFile.Load(Model));

    private IEnumerable<JsonObject> Metrics(string run) => File.ReadLines(Folder.At(run, "metrics.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject());
}
