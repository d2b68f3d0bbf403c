using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>Checkpoints that drop has written: what is in them, that every loader computes right, and that every verb goes on from them.</summary>
public sealed class DroppedModelTests
{
    private const string Weights = "model.safetensors", Config = "config.json";

    private TemporaryFolder _folder = null!;
    private FixtureCase _case = null!;
    private string _data = null!;

    [SetUp]
    public void Open() => Open("llama");

    [TearDown]
    public void Close()
    {
        _case.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void Left_out_is_what_a_dropped_model_has_no_more_and_no_less_and_zeros_compute_the_same_without_the_lists(
        [Values("llama", "llama-biases", "qwen2", "qwen3", "llama-odd-sizes")] string name)
    {
        Close();
        Open(name);
        Drop("first", "--granularity", "attention", "--count", "1", "--method", "first", "--save-dtype", "f32");
        Drop("out", "--model", _folder.At("first"), "--granularity", "mlp", "--count", "1", "--method", "last", "--save-dtype", "f32");
        ModelConfig config = ModelConfigFile.Load(_folder.At("out"));
        Assert.That(config.Dropped.Sublayers, Is.EqualTo(new[] { new Sublayer(0, SublayerKind.Attention), new Sublayer(config.LayerCount - 1, SublayerKind.Mlp) }));
        using (SafetensorsFile file = SafetensorsFile.Open(_folder.At("out", Weights)))
        {
            Assert.That(file.Entries.Keys, Is.EquivalentTo(Checkpoint.ExpectedTensors(config).Select(t => t.Name)));
            Assert.That(file.Entries.Values.Sum(e => e.Bytes), Is.EqualTo(4 * Checkpoint.ExpectedTensors(config).Sum(t => t.Shape.Aggregate((a, b) => a * b))));
        }

        float[] expected = Logits("out");
        Assert.That(FixtureCase.Distance(expected, Logits(_case.Folder)), Is.GreaterThan(1e-3), "something was dropped");

        // Zeros of what is dropped now, of what has been dropped as zeros, and of what is no longer there.
        string[] mlp = ["--granularity", "mlp", "--count", "1", "--method", "last", "--save-dtype", "f32", "--zero-weights"];
        Drop("zero", "--granularity", "attention", "--count", "1", "--method", "first", "--save-dtype", "f32", "--zero-weights");
        Drop("zeros", ["--model", _folder.At("zero"), .. mlp]);
        Drop("late", ["--model", _folder.At("first"), .. mlp]);
        foreach (string folder in new[] { "zeros", "late" })
        {
            Assert.That(ModelConfigFile.Load(_folder.At(folder)).Dropped, Is.EqualTo(config.Dropped));
            BrokenFolders.EditJson(_folder.At(folder, Config), json => _ = json.Remove("drop_attn_list") && json.Remove("drop_mlp_list"));
            Assert.That(FixtureCase.Distance(Logits(folder), expected), Is.LessThan(1e-6), folder);
        }
    }

    [Test]
    public void Kept_weights_are_those_of_the_model_and_cannot_be_kept_of_what_is_not_read()
    {
        string[] first = ["--granularity", "attention", "--count", "1", "--method", "first"];
        Drop("kept", [.. first, "--keep-weights"]);
        BrokenFolders.EditJson(_folder.At("kept", Config), json => _ = json.Remove("drop_attn_list") && json.Remove("drop_mlp_list"));
        Assert.That(Logits("kept"), Is.EqualTo(Logits(_case.Folder)));
        Drop("out", first);
        CliRun.Fails(2, ["--keep-weights", "all its layers", "attention 0"], ["drop", "--model", _folder.At("out"), .. first, "--keep-weights", "--out", _folder.At("again")]);
    }

    [TestCase("--count 1", true)]
    [TestCase("--count 1 --quiet", true)]
    [TestCase("--count 1 --zero-weights", false)]
    [TestCase("--count 1 --keep-weights", false)]
    [TestCase("--count 0", false)]
    public void Who_leaves_weights_out_is_told_what_a_loader_that_does_not_know_the_lists_makes_of_it(string flags, bool isTold)
    {
        CliRun run = CliRun.Of(["drop", "--model", _case.Folder, "--method", "last", .. flags.Split(' '), "--out", _folder.At("out")]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        string[] told = [.. run.Error.Split('\n').Where(line => line.Contains("left out", StringComparison.Ordinal))];
        Assert.That(told, Has.Length.EqualTo(isTold ? 1 : 0), run.Error);
        if (isTold) Assert.That(told[0], Does.StartWith("warning: the dropped weights are left out").And.Contain("drop_attn_list and drop_mlp_list").And.Contain("--zero-weights"));
    }

    [Test]
    public void The_config_says_it_as_LLM_Drop_reads_it_and_nothing_else_changes()
    {
        Drop("out", "--granularity", "block", "--count", "1", "--method", "last");
        JsonObject before = Json(_case.Folder), after = Json(_folder.At("out"));
        JsonArray last = [false, false, true];
        Assert.Multiple(() =>
        {
            Assert.That(JsonNode.DeepEquals(after["drop_attn_list"], last) && JsonNode.DeepEquals(after["drop_mlp_list"], last), "booleans, one a layer of the whole model");
            Assert.That((int)after["num_hidden_layers"]!, Is.EqualTo(3), "layers are not renumbered");
            Assert.That(after.ContainsKey("auto_map"), Is.False, "there is no code beside it that it could name");
        });
        _ = after.Remove("drop_attn_list") && after.Remove("drop_mlp_list");
        Assert.That(JsonNode.DeepEquals(after, before));
    }

    [Test]
    public void What_LLM_Drop_wrote_comes_out_with_booleans_and_the_code_that_it_names()
    {
        string model = BrokenFolders.Copy(_case.Folder, _folder.At("theirs"));
        BrokenFolders.EditJson(Path.Combine(model, Config), json =>
        {
            json["drop_attn_list"] = new JsonArray(2);
            json["drop_mlp_list"] = new JsonArray();
            json["auto_map"] = new JsonObject { ["AutoConfig"] = "configuration_dropped_llama.LlamaConfig", ["AutoModelForCausalLM"] = "other/repo--far.Away", ["AutoModel"] = "../up.Up" };
        });
        File.WriteAllText(Path.Combine(model, "configuration_dropped_llama.py"), "class LlamaConfig: ...");
        File.WriteAllText(_folder.At("up.py"), "not here");
        CliRun.Json("merge", "--model", model, "--adapter", Path.Combine(_case.Folder, "adapter"), "--out", _folder.At("merged"));
        JsonObject config = Json(_folder.At("merged"));
        Assert.Multiple(() =>
        {
            Assert.That(JsonNode.DeepEquals(config["drop_attn_list"], new JsonArray(false, false, true)));
            Assert.That(JsonNode.DeepEquals(config["drop_mlp_list"], new JsonArray(false, false, false)));
            Assert.That(JsonNode.DeepEquals(config["auto_map"], Json(model)["auto_map"]));
            Assert.That(File.ReadAllText(_folder.At("merged", "configuration_dropped_llama.py")), Does.StartWith("class"));
            Assert.That(Directory.GetFiles(_folder.At("merged"), "*.py"), Has.Length.EqualTo(1));
        });
    }

    [Test]
    public void Every_verb_goes_on_from_a_dropped_model()
    {
        Drop("once", "--granularity", "attention", "--count", "1", "--method", "last", "--save-dtype", "f32");
        Drop("model", "--model", _folder.At("once"), "--granularity", "mlp", "--count", "1", "--method", "first", "--save-dtype", "f32");
        string model = _folder.At("model");
        ModelConfig config = ModelConfigFile.Load(model);
        CliRun.Json("train", "--model", model, "--data", _data, "--rank", "2", "--steps", "2", "--out", _folder.At("adapter"));
        CliRun.Json("federate", "--model", model, "--data", _data, "--clients", "2", "--ranks", "2,1", "--rounds", "1", "--steps", "1", "--out", _folder.At("federated"));
        CliRun.Json("aggregate", "--model", model, "--adapters", _folder.At("adapter"), _folder.At("adapter"), "--merge", "--out", _folder.At("aggregated"));
        CliRun.Json("pretrain", "--model", model, "--data", _data, "--steps", "1", "--out", _folder.At("trained"));
        foreach (string made in new[] { "federated/model", "aggregated", "trained" })
        {
            using Checkpoint checkpoint = Checkpoint.Open(_folder.At(made));
            Assert.That(checkpoint.Config.Dropped, Is.EqualTo(config.Dropped), made);
            Assert.That(checkpoint.Names, Is.EquivalentTo(Checkpoint.ExpectedTensors(config).Select(t => t.Name)), made);
        }

        JsonObject score = CliRun.Json("score", "--model", model, "--data", _data, "--granularity", "joint");
        double loss = (double)CliRun.Json("eval", "--task", "perplexity", "--model", model, "--adapter", _folder.At("adapter"), "--data", _data)["loss"]!;
        JsonObject info = CliRun.Json("info", "--model", model), whole = CliRun.Json("info", "--model", _case.Folder);
        Assert.Multiple(() =>
        {
            Assert.That(score["layers"]!.AsArray().Select(l => ((string)l!["kind"]!, (int)l["index"]!)), Is.EqualTo(new[] { ("attention", 0), ("attention", 1), ("mlp", 1), ("mlp", 2) }));
            Assert.That(loss, Is.GreaterThan(0));
            Assert.That((long)info["peak_bytes"]!, Is.LessThan((long)whole["peak_bytes"]!));
        });
    }

    [Test]
    public void An_adapter_merged_into_a_model_with_zeros_leaves_the_zeros_for_loaders_that_do_not_know_the_lists()
    {
        Drop("zero", "--granularity", "mlp", "--count", "1", "--method", "first", "--save-dtype", "f32", "--zero-weights");
        CliRun.Json("merge", "--model", _folder.At("zero"), "--adapter", Path.Combine(_case.Folder, "adapter"), "--out", _folder.At("merged"));
        float[] expected = Logits("merged");
        BrokenFolders.EditJson(_folder.At("merged", Config), json => _ = json.Remove("drop_attn_list") && json.Remove("drop_mlp_list"));
        Assert.That(FixtureCase.Distance(Logits("merged"), expected), Is.LessThan(1e-6));
    }

    [Test]
    public void Dropping_nothing_changes_no_logit()
    {
        Drop("same", "--count", "0", "--method", "first");
        Assert.That(Logits("same"), Is.EqualTo(Logits(_case.Folder)));
    }

    private void Open(string name)
    {
        (_case, _folder) = (new FixtureCase(name), new TemporaryFolder());
        _data = VerbInput.Records(_case, _folder);
    }

    private void Drop(string target, params IReadOnlyList<string> flags)
    {
        string[] model = flags.Contains("--model") ? [] : ["--model", _case.Folder];
        CliRun.Json(["drop", .. model, .. flags, "--out", _folder.At(target)]);
    }

    private float[] Logits(string folder)
    {
        string path = _folder.At("logits.safetensors");
        CliRun.Json("logits", "--model", Path.IsPathRooted(folder) ? folder : _folder.At(folder), "--ids", VerbInput.Ids(_case, _folder), "--dtype", "f32", "--out", path, "--force");
        using SafetensorsFile file = SafetensorsFile.Open(path);
        var values = new float[file.Entries["logits"].Shape.Aggregate((a, b) => a * b)];
        file.Read("logits", 0, values);
        return values;
    }

    private static JsonObject Json(string folder) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, Config)))!.AsObject();
}
