using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>
/// Every verb on every model fixture and one device, against numbers that an independent float64 implementation computed: 1e-4 relative in f32, 2e-3
/// for adapters after five AdamW steps.
/// </summary>
internal abstract class ModelVerbTests(string name)
{
    private FixtureCase _case = null!;
    private TemporaryFolder _folder = null!;

    /// <summary>The flags of the device under test, in f32.</summary>
    protected abstract string[] Device { get; }

    private string Adapter => Path.Combine(_case.Folder, "adapter");

    private string[] Clients => [.. Enumerable.Range(0, 3).Select(k => Path.Combine(_case.Folder, "clients", $"{k}"))];

    private string ClientWeights => string.Join(',', _case.List("flora", "client_sizes"));

    [SetUp]
    public void Open() => (_case, _folder) = (new FixtureCase(name), new TemporaryFolder());

    [TearDown]
    public void Close()
    {
        _case.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void Logits_are_the_references()
    {
        JsonObject result = Run("logits", "--model", _case.Folder, "--ids", VerbInput.Ids(_case, _folder), "--out", _folder.At("base.safetensors"));
        Assert.That(result["shape"]!.AsArray().Select(n => (int)n!), Is.EqualTo(new[] { _case.Examples.Count, _case.Length, _case.Config.VocabularySize }));
        Assert.That(LogitsError(_folder.At("base.safetensors"), "base.logits"), Is.LessThan(1e-4));
        Assert.That(LogitsOf(_case.Folder, Adapter, "lora.logits"), Is.LessThan(1e-4));
    }

    [Test]
    public void Evaluated_losses_are_the_references()
    {
        string data = VerbInput.Records(_case, _folder);
        JsonObject plain = Run("eval", "--task", "perplexity", "--model", _case.Folder, "--data", data);
        JsonObject adapted = Run("eval", "--task", "perplexity", "--model", _case.Folder, "--adapter", Adapter, "--data", data);
        Assert.Multiple(() =>
        {
            Assert.That((double)plain["loss"]!, Is.EqualTo(_case.Number("base.loss")).Within(1e-4 * _case.Number("base.loss")));
            Assert.That((double)plain["perplexity"]!, Is.EqualTo(Math.Exp((double)plain["loss"]!)).Within(1e-9).Percent);
            Assert.That((double)adapted["loss"]!, Is.EqualTo(_case.Number("lora.loss")).Within(1e-4 * _case.Number("lora.loss")));
            Assert.That((double)plain["stderr"]!, Is.GreaterThan(0));
            Assert.That((int)plain["tokens"]!, Is.EqualTo(_case.Examples.Sum(e => e.Labels.Skip(1).Count(l => l >= 0))));
        });
    }

    [Test]
    public void Five_steps_of_training_are_the_references()
    {
        JsonObject result = Run(
            "train", "--model", _case.Folder, "--init-adapter", Adapter, "--data", VerbInput.Records(_case, _folder), "--no-shuffle", "--batch-size", "3",
            "--steps", "5", "--lr", "3e-3", "--weight-decay", "0.01", "--grad-clip", "0", "--out", _folder.At("adapter"));
        double[] losses = [.. result["losses"]!.AsArray().Select(n => (double)n!)], expected = _case.List("adamw", "losses");
        Assert.That((int)result["steps"]!, Is.EqualTo(5));
        Assert.That(losses.Zip(expected, (x, y) => Math.Abs(x - y) / y), Has.All.LessThan(1e-4));
        Assert.That((double)result["tokens_per_second"]!, Is.GreaterThan(0));
        AdapterWeights trained = AdapterFolder.Load(_folder.At("adapter"), _case.Config).Weights;
        foreach ((ModuleId module, LoraFactors factors) in trained.Modules)
        {
            Assert.That(FixtureCase.Distance(factors.A, _case.Tensor($"adamw5.{module}.lora_A")), Is.LessThan(2e-3), $"{module} A");
            Assert.That(FixtureCase.Distance(Transposed(factors), _case.Tensor($"adamw5.{module}.lora_B")), Is.LessThan(2e-3), $"{module} B");
        }

        Assert.That(_folder.Contents.Where(f => f.StartsWith("adapter" + Path.DirectorySeparatorChar, StringComparison.Ordinal)).Select(f => Path.GetFileName(f)),
            Is.EquivalentTo(new[] { "adapter_config.json", "adapter_model.safetensors", "metrics.jsonl", "run.json" }));
        Assert.That(File.ReadLines(_folder.At("adapter", "metrics.jsonl")).Select(line => (double)JsonNode.Parse(line)!["loss"]!), Is.EqualTo(losses));
    }

    [Test]
    public void Greedy_ids_are_the_references()
    {
        int[] ids = _case.Ids("greedy");
        string prompt = _folder.Write("prompt.json", $"{{\"input_ids\":[[{string.Join(',', ids[..5])}]]}}");
        JsonObject result = Run("generate", "--model", _case.Folder, "--ids", prompt, "--max-new-tokens", "16", "--ignore-eos");
        Assert.That(result["ids"]![0]!.AsArray().Select(n => (int)n!), Is.EqualTo(ids[5..]));
    }

    [Test]
    public void Multiple_choice_takes_the_likeliest_token_of_the_reference()
    {
        const int Prompt = 4;
        int[] ids = _case.Examples[0].InputIds[..Prompt];
        float[] logits = _case.RealRows("base.logits")[((Prompt - 1) * _case.Config.VocabularySize)..(Prompt * _case.Config.VocabularySize)];
        string best = VerbInput.Text(Array.IndexOf(logits, logits.Max())), worst = VerbInput.Text(Array.IndexOf(logits, logits.Min()));
        string Line(string first, string second, int answer) =>
            $"{{\"question\":\"{VerbInput.Text(ids)}\",\"choices\":[\"{first}\",\"{second}\"],\"answer\":{answer}}}";
        string data = _folder.Write("choices.jsonl", string.Join('\n', Line(worst, best, 1), Line(best, worst, 0), Line(best, worst, 1)));
        JsonObject result = Run(
            "eval", "--task", "multiple-choice", "--model", VerbInput.ModelWithTokenizer(_case, _folder), "--data", data, "--template", "{prompt}{answer}");
        Assert.That((double)result["accuracy"]!, Is.EqualTo(2 / 3.0).Within(1e-12), "two of three are marked right");
        Assert.That((int)result["count"]!, Is.EqualTo(3));
    }

    [Test]
    public void Exact_match_finds_the_references_ids()
    {
        const int Prompt = 5, New = 4;
        int[] ids = _case.Ids("greedy")[..(Prompt + New)];
        string Line(int last) => $"{{\"question\":\"{VerbInput.Text(ids.AsSpan(0, Prompt))}\",\"answer\":\"{VerbInput.Text([.. ids[Prompt..^1], last])}\"}}";
        string data = _folder.Write("questions.jsonl", string.Join('\n', Line(ids[^1]), Line(ids[^1] == 0 ? 1 : 0)));
        JsonObject result = Run(
            "eval", "--task", "exact-match", "--model", VerbInput.ModelWithTokenizer(_case, _folder), "--data", data, "--template", "{prompt}{answer}",
            "--max-new-tokens", $"{New}");
        Assert.That((double)result["accuracy"]!, Is.EqualTo(0.5), "one of two is right to the last token");
        Assert.That((int)result["count"]!, Is.EqualTo(2));
    }

    [Test]
    public void Pretraining_begins_at_the_references_loss()
    {
        string data = VerbInput.Records(_case, _folder);
        JsonObject result = Run(
            "pretrain", "--model", _case.Folder, "--data", data, "--no-shuffle", "--batch-size", "3", "--steps", "3", "--lr", "1e-3", "--save-dtype", "f32",
            "--out", _folder.At("model"));
        double[] losses = [.. result["losses"]!.AsArray().Select(n => (double)n!)];
        JsonObject eval = Run("eval", "--model", _folder.At("model"), "--data", data);
        Assert.Multiple(() =>
        {
            Assert.That(losses[0], Is.EqualTo(_case.Number("base.loss")).Within(1e-4 * _case.Number("base.loss")));
            Assert.That(losses, Has.Length.EqualTo(3).And.Ordered.Descending);
            Assert.That((double)eval["loss"]!, Is.LessThan(losses[^1]));
        });
    }

    [TestCase("flora")]
    [TestCase("flexlora")]
    public void A_federation_begins_at_the_references_loss_and_leaves_the_model_that_it_measured(string method)
    {
        string data = VerbInput.Records(_case, _folder);
        JsonObject result = Run(
            "federate", "--model", _case.Folder, "--data", data, "--method", method, "--ranks", "3,2", "--partition", "sizes:2,1", "--rounds", "1",
            "--local-epochs", "2", "--batch-size", "2", "--lr", "1e-2", "--eval-data", data, "--save-dtype", "f32", "--out", _folder.At("fed"));
        JsonNode round = result["rounds"]!.AsArray().Single()!;
        double before = (double)result["initial_eval"]!["loss"]!, after = (double)round["eval"]!["loss"]!, exactness = (double)round["exactness"]!;
        JsonObject eval = Run("eval", "--model", _folder.At("fed", "model"), "--data", data);
        Assert.Multiple(() =>
        {
            Assert.That(before, Is.EqualTo(_case.Number("base.loss")).Within(1e-4 * _case.Number("base.loss")));
            Assert.That(after, Is.LessThan(before));
            Assert.That((double)eval["loss"]!, Is.EqualTo(after).Within(1e-4 * after));
            Assert.That(round["clients"]!.AsArray().Select(client => (int)client!["steps"]!), Is.EqualTo(new[] { 2, 2 }));
            if (method == "flora") Assert.That(exactness, Is.LessThan(1e-6));
            else Assert.That(exactness, Is.GreaterThan(1e-6).And.LessThan(1), "rank 3 does not hold a sum of rank 5");
        });
    }

    [Test]
    public void A_merged_adapter_gives_the_logits_of_the_adapter()
    {
        JsonObject result = Run("merge", "--model", _case.Folder, "--adapter", Adapter, "--save-dtype", "f32", "--out", _folder.At("merged"));
        Assert.That((double)result["rounding"]!, Is.LessThan(1e-5));
        Assert.That(LogitsOf(_folder.At("merged"), null, "lora.logits"), Is.LessThan(1e-4));
    }

    [Test]
    public void Aggregated_clients_are_the_references_merged_and_not()
    {
        JsonObject merged = Run([
            "aggregate", "--model", _case.Folder, "--adapters", .. Clients, "--weights", ClientWeights, "--method", "flora", "--merge",
            "--save-dtype", "f32", "--out", _folder.At("merged")]);
        JsonObject stacked = Run([
            "aggregate", "--model", _case.Folder, "--adapters", .. Clients, "--weights", ClientWeights, "--method", "flora", "--out", _folder.At("stacked")]);
        Assert.Multiple(() =>
        {
            Assert.That((double)merged["exactness"]!, Is.LessThan(1e-6));
            Assert.That((double)stacked["exactness"]!, Is.LessThan(1e-6));
            Assert.That((double)merged["rounding"]!, Is.LessThan(1e-5));
            Assert.That((double)stacked["rounding"]!, Is.Zero, "an adapter is stored as it was made");
        });
        Assert.That(LogitsOf(_folder.At("merged"), null, "flora.merged_logits"), Is.LessThan(1e-4));
        Assert.That(LogitsOf(_case.Folder, _folder.At("stacked"), "flora.merged_logits"), Is.LessThan(1e-4));
        using Checkpoint checkpoint = Checkpoint.Open(_folder.At("merged"));
        foreach ((string expected, ModuleId module) in new[]
        {
            ("flora.merged.layer0.q_proj", new ModuleId(0, Projection.Query)), ("flora.merged.layer1.down_proj", new ModuleId(1, Projection.Down)),
        })
        {
            (int rows, int columns) = _case.Config.ShapeOf(module.Projection);
            var values = new float[rows * columns];
            checkpoint.Read(module.Name + ".weight", 0, columns, values);
            Assert.That(FixtureCase.Distance(values, _case.Tensor(expected)), Is.LessThan(1e-4), expected);
        }

        JsonNode config = JsonNode.Parse(File.ReadAllText(_folder.At("stacked", "adapter_config.json")))!;
        Assert.That((double)config["lora_alpha"]!, Is.EqualTo((double)config["r"]!), "the stack's own scaling is 1");
        Assert.That((int)config["r"]!, Is.EqualTo((int)_case.List("flora", "ranks").Sum()));
    }

    [TestCase("attention")]
    [TestCase("mlp")]
    [TestCase("block")]
    public void Similarities_are_the_references(string granularity)
    {
        JsonObject result = Run("score", "--model", _case.Folder, "--data", VerbInput.Records(_case, _folder), "--granularity", granularity);
        JsonArray layers = result["layers"]!.AsArray();
        Assert.Multiple(() =>
        {
            Assert.That(layers.Select(l => (double)l!["similarity"]!), Is.EqualTo(_case.List($"mean_token_cosine.{granularity}")).Within(1e-4));
            Assert.That(layers.Select(l => (int)l!["index"]!), Is.EqualTo(Enumerable.Range(0, _case.Config.LayerCount)));
            Assert.That(layers.Select(l => (double)l!["stderr"]!), Has.All.GreaterThan(0));
            Assert.That((string)result["granularity"]!, Is.EqualTo(granularity));
            Assert.That((int)result["tokens"]!, Is.EqualTo(_case.Examples.Sum(e => e.InputIds.Length)));
        });
    }

    [Test]
    public void Losses_of_a_checkpoint_with_drop_lists_are_the_references()
    {
        string data = VerbInput.Records(_case, _folder);
        foreach ((string key, string list) in new[] { ("drop_attn_", "drop_attn_list"), ("drop_mlp_", "drop_mlp_list"), ("drop_block_", "") })
        {
            string name = _case.Numbers.Select(n => n.Key).Single(n => n.StartsWith(key, StringComparison.Ordinal));
            int layer = int.Parse(name[key.Length..name.IndexOf('.', StringComparison.Ordinal)], System.Globalization.CultureInfo.InvariantCulture);
            string folder = _folder.At(name);
            Directory.CreateDirectory(folder);
            foreach (string file in Directory.EnumerateFiles(_case.Folder)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
            string[] lists = list.Length == 0 ? ["drop_attn_list", "drop_mlp_list"] : [list];
            foreach (string drop in lists) config[drop] = new JsonArray(layer);
            File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
            JsonObject result = Run("eval", "--task", "perplexity", "--model", folder, "--data", data);
            Assert.That((double)result["loss"]!, Is.EqualTo(_case.Number(name)).Within(1e-4 * _case.Number(name)), name);
        }
    }

    private JsonObject Run(params IReadOnlyList<string> args) => CliRun.Json([.. args, .. Device]);

    private double LogitsOf(string model, string? adapter, string expected)
    {
        string path = _folder.At(expected + ".safetensors");
        string[] adapted = adapter is null ? [] : ["--adapter", adapter];
        Run(["logits", "--model", model, .. adapted, "--ids", VerbInput.Ids(_case, _folder), "--out", path, "--force"]);
        return LogitsError(path, expected);
    }

    private double LogitsError(string path, string expected)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        int vocabulary = _case.Config.VocabularySize;
        Assert.That(file.Entries["logits"].Shape, Is.EqualTo(new long[] { _case.Examples.Count, _case.Length, vocabulary }));
        var values = new float[_case.Examples.Count * _case.Length * vocabulary];
        file.Read("logits", 0, values);
        float[] real = [.. _case.Examples.SelectMany((e, row) => values.AsSpan(row * _case.Length * vocabulary, e.InputIds.Length * vocabulary).ToArray())];
        return FixtureCase.Distance(real, _case.RealRows(expected));
    }

    private static float[] Transposed(LoraFactors factors)
    {
        var values = new float[factors.B.Length];
        for (int r = 0; r < factors.Rank; r++)
        {
            for (int o = 0; o < factors.OutFeatures; o++) values[(o * factors.Rank) + r] = factors.B[(r * factors.OutFeatures) + o];
        }

        return values;
    }
}
