using System.Text.Json.Nodes;
using System.Xml;
using System.Xml.Linq;
using NativeFl.Cli;

namespace NativeFl.Tests.Cli;

/// <summary>eval --sweep on one fixture: every count is what drop and eval give, and the cache shrinks with the attention layers.</summary>
public sealed class SweepTests : FixtureVerbTest
{
    [TestCase("--granularity attention", "0,1,2")]
    [TestCase("--granularity block --consecutive", "1-2")]
    [TestCase("--granularity joint --method greedy", "3,2")]
    [TestCase("--granularity mlp --iterative", "3")]
    [TestCase("--granularity joint --method random --seed 3", "0,4")]
    [TestCase("--granularity joint --method last --adapter", "1,5")]
    public void Every_count_has_the_figures_of_drop_and_eval_bit_for_bit(string flags, string counts)
    {
        bool isAdapted = flags.EndsWith(" --adapter", StringComparison.Ordinal);
        string[] how = flags.Replace(" --adapter", "", StringComparison.Ordinal).Split(' '), adapter = isAdapted ? ["--adapter", Path.Combine(Case.Folder, "adapter")] : [];
        JsonObject result = Sweep(counts, [.. how, .. adapter, "--calibration", Data]);
        foreach (JsonNode? row in result["sweep"]!.AsArray())
        {
            string folder = Folder.At($"{row!["dropped"]}");
            JsonObject dropped = CliRun.Json(["drop", "--model", Case.Folder, .. how, "--count", $"{row["dropped"]}", "--data", Data, "--out", folder]);
            JsonObject eval = CliRun.Json(["eval", "--model", folder, "--data", Data, .. adapter]);
            foreach ((string name, JsonNode? value) in eval) Assert.That(JsonNode.DeepEquals(row[name], value), $"{row["dropped"]} {name}: {row[name]}, {value}");
            foreach (string list in new[] { "drop_attn_list", "drop_mlp_list", "ranking", "ties", "passed_over" })
                Assert.That(JsonNode.DeepEquals(row[list], dropped[list]), $"{row["dropped"]} {list}");
        }
    }

    [Test]
    public void Choices_begin_with_those_of_smaller_counts_and_come_from_scores_as_well()
    {
        string[] joint = ["--granularity", "joint", "--decode-batch", "0"];
        JsonObject result = Sweep("all", [.. joint, "--calibration", Data]);
        JsonArray[] rankings = [.. result["sweep"]!.AsArray().Select(row => row!["ranking"]!.AsArray())];
        Assert.That(rankings.Select(r => r.Count), Is.EqualTo(Enumerable.Range(0, 6)), "all but one of six");
        foreach (JsonArray ranking in rankings)
            Assert.That(ranking.Zip(rankings[^1]).All(pair => JsonNode.DeepEquals(pair.First, pair.Second)), $"{ranking.Count}");
        CliRun.Json("score", "--model", Case.Folder, "--data", Data, "--out", Folder.At("scores"));
        JsonObject again = Sweep("all", [.. joint, "--scores", Folder.At("scores")]);
        Assert.That(JsonNode.DeepEquals(again["sweep"], result["sweep"]));
    }

    [Test]
    public void The_cache_is_exactly_proportional_to_the_attention_layers_that_are_left()
    {
        JsonObject result = Sweep("0-2", "--method", "first", "--decode-batch", "1,3", "--decode-prompt", "7", "--decode-tokens", "4", "--decode-rounds", "1");
        foreach (JsonNode? row in result["sweep"]!.AsArray())
        {
            int kept = Case.Config.LayerCount - (int)row!["dropped"]!;
            foreach (JsonNode? decode in row["decode"]!.AsArray())
            {
                int values = (int)decode!["batch"]! * (7 + 4) * Case.Config.KvHeads * Case.Config.HeadWidth;
                Assert.That((long)decode["kv_cache_bytes"]!, Is.EqualTo(2L * kept * values * sizeof(float)));
                Assert.That((double)decode["tokens_per_second"]!, Is.EqualTo((int)decode["batch"]! / (double)decode["seconds_per_step"]!));
                Assert.That((double)decode["prefill_tokens_per_second"]!, Is.GreaterThan(0));
            }

            Assert.That(row["decode"]!.AsArray().Select(d => (int)d!["batch"]!), Is.EqualTo(new[] { 1, 3 }));
        }

        JsonObject mlp = Sweep("0,3", "--granularity", "mlp", "--method", "last", "--decode-rounds", "1");
        Assert.That(mlp["sweep"]!.AsArray().Select(row => (long)row!["decode"]![0]!["kv_cache_bytes"]!).Distinct().Count(), Is.EqualTo(1), "an MLP has no place in it");
    }

    [Test]
    public void A_run_leaves_its_record_and_a_report_with_three_plots()
    {
        CliRun run = CliRun.Of(
            "eval", "--model", Case.Folder, "--data", Data, "--sweep", "0,2", "--calibration", Data, "--decode-batch", "2", "--decode-tokens", "3", "--decode-rounds", "1",
            "--out", Folder.At("out"));
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        string[] lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines, Has.Length.EqualTo(3));
        Assert.That(lines[0], Does.Match("^dropped +loss +tokens/s ×2 +cache ×2$"));
        Assert.That(lines[2], Does.Match(@"^ +2 +\d\.\d{4} ± \d\.\d{4} +[\d.,]+ +[\d.]+ kB$"));
        JsonObject record = JsonNode.Parse(File.ReadAllText(Folder.At("out", "run.json")))!.AsObject();
        JsonObject results = record["results"]!.AsObject();
        Assert.Multiple(() =>
        {
            Assert.That(record["recipe"]!["sweep"]!.ToJsonString(), Is.EqualTo("[0,2]"));
            Assert.That(((string)results["granularity"]!, (string)results["method"]!), Is.EqualTo(("attention", "similarity")));
            Assert.That((int)results["samples"]!, Is.EqualTo(Case.Examples.Count));
            Assert.That((int)results["tokens"]!, Is.EqualTo(Case.Examples.Sum(e => e.InputIds.Length)));
            Assert.That(results["sweep"]![1]!.AsObject().Select(member => member.Key), Is.EqualTo(new[]
            {
                "dropped", "loss", "perplexity", "tokens", "stderr", "examples", "decode", "drop_attn_list", "drop_mlp_list", "ranking", "ties", "passed_over",
            }));
        });
        using var reader = XmlReader.Create(Folder.At("out", "report.html"), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        XElement page = XDocument.Load(reader).Root!;
        Assert.That(page.Descendants("svg").Select(svg => svg.Elements("circle").Count()), Is.EqualTo(new[] { 2, 2, 2 }), "loss, speed and cache at two counts");
    }

    [Test]
    public void Accuracies_of_a_sweep_are_those_of_drop_and_eval([Values("multiple-choice", "exact-match")] string task)
    {
        string model = VerbInput.ModelWithTokenizer(Case, Folder);
        int[] ids = Case.Ids("greedy");
        string prompt = VerbInput.Text(ids.AsSpan(0, 5)), right = VerbInput.Text(ids[5]), wrong = VerbInput.Text((ids[5] + 1) % 256);
        string records = task == "exact-match"
            ? $"{{\"question\":\"{prompt}\",\"answer\":\"{right}\"}}\n{{\"question\":\"{prompt}\",\"answer\":\"{wrong}\"}}"
            : $"{{\"question\":\"{prompt}\",\"choices\":[\"{right}\",\"{wrong}\"],\"answer\":0}}\n{{\"question\":\"{right}\",\"choices\":[\"{right}\",\"{wrong}\"],\"answer\":1}}";
        string[] line = ["--task", task, "--data", Folder.Write("records.jsonl", records), "--template", "{prompt}{answer}", "--max-new-tokens", "1"];
        JsonObject result = CliRun.Json(["eval", "--model", model, .. line, "--sweep", "all", "--method", "last", "--decode-batch", "0"]);
        foreach (JsonNode? row in result["sweep"]!.AsArray())
        {
            string folder = Folder.At($"{row!["dropped"]}");
            CliRun.Json("drop", "--model", model, "--method", "last", "--count", $"{row["dropped"]}", "--out", folder);
            foreach ((string name, JsonNode? value) in CliRun.Json(["eval", "--model", folder, .. line])) Assert.That(JsonNode.DeepEquals(row[name], value), $"{row["dropped"]} {name}: {row[name]}, {value}");
            Assert.That(row["decode"]!.AsArray(), Is.Empty);
        }
    }

    [TestCase("eval [", TestName = "Ctrl_C_while_it_evaluates_ends_with_130")]
    [TestCase("decode [", TestName = "Ctrl_C_while_it_decodes_ends_with_130")]
    public void Ctrl_C_ends_it_and_writes_nothing(string bar)
    {
        using var stop = new CancellationTokenSource();
        using var output = new StringWriter();
        using var error = new StopAt(bar, stop);
        string[] line = ["eval", "--model", Case.Folder, "--data", Data, "--sweep", "all", "--method", "first", "--decode-batch", "1,2", "--out", Folder.At("out")];
        Assert.That(CommandLine.Run(line, new VerbConsole(output, error, IsErrorTerminal: true), stop.Token), Is.EqualTo(130));
        Assert.That(output.ToString(), Is.Empty);
        Assert.That(Directory.Exists(Folder.At("out")), Is.False);
    }

    [TestCase("--sweep 0-3 --method first", "--sweep", "0 to 2 layers", "3")]
    [TestCase("--sweep 2,6 --granularity joint --method first", "--sweep", "0 to 5 sublayers", "6")]
    [TestCase("--sweep 0,1,0-2 --method first", "--sweep", "once", "0 twice")]
    [TestCase("--sweep some --method first", "--sweep", "0-7", "'some'")]
    [TestCase("--sweep 3-1 --method first", "--sweep", "'3-1'")]
    [TestCase("--sweep 0,all --method first", "--sweep", "'all'")]
    [TestCase("--sweep -1 --method first", "--sweep", "'-1'")]
    [TestCase("--sweep 0,1", "--calibration", "neither")]
    [TestCase("--sweep 1 --method greedy", "--calibration", "neither")]
    [TestCase("--sweep 1 --scores SCORES --calibration DATA", "--calibration", "both")]
    [TestCase("--sweep 1 --scores SCORES", "scores.json", "no such file")]
    [TestCase("--sweep 1 --scores SCORES --method greedy", "--scores", "similarity")]
    [TestCase("--sweep 1 --consecutive --calibration DATA", "--consecutive", "block")]
    [TestCase("--sweep 1 --method random --iterative", "--iterative", "similarity")]
    [TestCase("--sweep 1 --method first --decode-batch 2,2", "--decode-batch", "2,2")]
    [TestCase("--sweep 1 --method first --decode-batch 0,2", "--decode-batch", "0 alone")]
    [TestCase("--sweep 1 --method first --decode-prompt 500 --decode-tokens 13", "--decode-prompt", "512", "500 + 13")]
    [TestCase("--sweep 1 --method first --decode-tokens 512", "--decode-tokens", "512", "1 + 512")]
    [TestCase("--sweep 1,3 --granularity block --method first --adapter ADAPTER", "--sweep", "0 to 2 blocks")]
    [TestCase("--sweep 1,2 --method last --adapter ADAPTER", "--adapter", "left with 2 dropped", "attention 1, attention 2")]
    [TestCase("--granularity mlp", "--granularity", "--sweep")]
    [TestCase("--decode-tokens 4", "--decode-tokens", "--sweep")]
    [TestCase("--calibration DATA", "--calibration", "--sweep")]
    public void What_cannot_be_swept_is_refused_and_nothing_written(string flags, params string[] says)
    {
        Directory.CreateDirectory(Folder.At("scores"));
        if (flags.Contains("ADAPTER", StringComparison.Ordinal))
            CliRun.Json("train", "--model", Case.Folder, "--data", Data, "--steps", "1", "--rank", "1", "--target-modules", @".*\.1\..*q_proj", "--out", Folder.At("adapter"));
        Dictionary<string, string> names = new() { ["SCORES"] = Folder.At("scores"), ["DATA"] = Data, ["ADAPTER"] = Folder.At("adapter") };
        string[] given = [.. flags.Split(' ').Select(word => names.GetValueOrDefault(word, word))];
        CliRun.Fails(2, says, ["eval", "--model", Case.Folder, "--data", Data, .. given, "--device", "cpu", "--quiet", "--out", Folder.At("out")]);
        Assert.That(Directory.Exists(Folder.At("out")), Is.False);
    }

    private JsonObject Sweep(string counts, params IReadOnlyList<string> flags) =>
        CliRun.Json(["eval", "--model", Case.Folder, "--data", Data, "--sweep", counts, .. flags, .. flags.Contains("--decode-batch") ? Array.Empty<string>() : ["--decode-batch", "1", "--decode-tokens", "2"]]);
}
