using System.Text.Json.Nodes;
using NativeFl.Cli;
using NativeFl.Models;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>drop --patch and --heal on one fixture: what is reported is what was written, and the checkpoint is an ordinary one.</summary>
public sealed class DropRecoveryTests : FixtureVerbTest
{
    [Test]
    public void A_patch_changes_the_layer_before_the_gap_and_nothing_else()
    {
        JsonObject plain = Drop("plain", "--save-dtype", "f32"), patched = Drop("patched", "--save-dtype", "f32", "--patch", "linear", "--eval-data", Data);
        JsonNode gap = patched["patch"]!["gaps"]!.AsArray().Single()!, losses = patched["patch"]!["loss"]!, eval = patched["eval"]!;
        Assert.Multiple(() =>
        {
            Assert.That(patched["ranking"]!.ToJsonString(), Is.EqualTo(plain["ranking"]!.ToJsonString()));
            Assert.That((string)gap["dropped"]![0]!, Is.EqualTo("attention 2"));
            Assert.That((string)gap["into"]!, Is.EqualTo("model.layers.1.mlp.down_proj"));
            Assert.That((double)gap["error_after"]!, Is.LessThan((double)gap["error_before"]!));
            Assert.That((double)patched["patch"]!["ridge"]!, Is.EqualTo(1e-3));
            Assert.That((int)patched["patch"]!["tokens"]!, Is.EqualTo(Case.Examples.Sum(e => e.InputIds.Length)));
            Assert.That((double)losses["before"]!["loss"]!, Is.EqualTo(Loss(Case.Folder)));
            Assert.That((double)losses["dropped"]!["loss"]!, Is.EqualTo(Loss("plain")));
            Assert.That((double)losses["patched"]!["loss"]!, Is.EqualTo(Loss("patched")));
            Assert.That(eval.ToJsonString(), Is.EqualTo(losses.ToJsonString()), "measured on the same records");
            Assert.That(JsonNode.DeepEquals(JsonNode.Parse(File.ReadAllText(Folder.At("patched", "drop.json"))), patched), Is.True);
        });
        using Checkpoint before = Checkpoint.Open(Folder.At("plain")), after = Checkpoint.Open(Folder.At("patched"));
        string[] changed = [.. Checkpoint.ExpectedTensors(before.Config).Where(t => !Read(before, t.Name, t.Shape).AsSpan().SequenceEqual(Read(after, t.Name, t.Shape))).Select(t => t.Name)];
        Assert.That(changed, Is.EqualTo(new[] { "model.layers.1.mlp.down_proj.weight" }));
    }

    [Test]
    public void A_patch_has_data_of_its_own_and_the_same_bits_twice()
    {
        string few = Folder.Write("few.jsonl", VerbInput.Line(Case.Examples[0]));
        string[] line = ["--method", "last", "--patch", "linear", "--patch-data", few, "--ridge", "0.5", "--zero-weights"];
        JsonObject result = CliRun.Json(["drop", "--model", Case.Folder, "--count", "1", .. line, "--out", Folder.At("one")]);
        CliRun.Json(["drop", "--model", Case.Folder, "--count", "1", .. line, "--out", Folder.At("two")]);
        Assert.That(((int)result["patch"]!["tokens"]!, (double)result["patch"]!["ridge"]!), Is.EqualTo((Case.Examples[0].InputIds.Length, 0.5)));
        Assert.That(File.ReadAllBytes(Folder.At("one", "model.safetensors")), Is.EqualTo(File.ReadAllBytes(Folder.At("two", "model.safetensors"))));
    }

    [Test]
    public void The_first_layer_has_nothing_before_it_and_the_terminal_says_so()
    {
        CliRun run = CliRun.Of("drop", "--model", Case.Folder, "--data", Data, "--method", "first", "--count", "2", "--patch", "linear", "--out", Folder.At("out"));
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.Output, Does.Contain("without attention 0: nothing before it to patch").And.Contain("without attention 1: folded into model.layers.0.mlp.down_proj"));
        Assert.That(run.Output, Does.Match(@"calibration loss: [\d.]+ ± [\d.]+ before, [\d.]+ ± [\d.]+ dropped, [\d.]+ ± [\d.]+ patched"));
    }

    [TestCase("llama", false, "")]
    [TestCase("llama", false, "--dtype bf16")]
    [TestCase("llama-bf16", true, "")]
    public void Healing_is_training_and_merging_what_was_dropped_byte_for_byte(string name, bool patches, string type)
    {
        using var fixture = new FixtureCase(name);
        string data = VerbInput.Records(fixture, Folder, "heal.jsonl");
        string[] drop = ["--model", fixture.Folder, "--data", data, "--method", "last", "--count", "1", .. patches ? new[] { "--patch", "linear" } : []];
        string[] types = type.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] training =
        [
            "--rank", "3", "--alpha", "5", "--steps", "6", "--lr", "1e-2", "--batch-size", "2", "--schedule", "linear", "--lora-dropout", "0.1",
            "--target-modules", "q_proj,down_proj", "--seed", "17", .. types,
        ];
        JsonObject healed = CliRun.Json(["drop", .. drop, "--heal", data, .. training, "--eval-data", data, "--out", Folder.At("healed")]);
        CliRun.Json(["drop", .. drop, .. types, "--out", Folder.At("dropped")]);
        JsonObject trained = CliRun.Json(["train", "--model", Folder.At("dropped"), "--data", data, .. training, "--out", Folder.At("adapter")]);
        CliRun.Json("merge", "--model", Folder.At("dropped"), "--adapter", Folder.At("adapter"), "--out", Folder.At("merged"));
        double[] losses = [.. healed["heal"]!["losses"]!.AsArray().Select(l => (double)l!)];
        JsonObject eval = healed["eval"]!.AsObject();
        Assert.Multiple(() =>
        {
            Assert.That(losses, Is.EqualTo(trained["losses"]!.AsArray().Select(l => (double)l!)));
            Assert.That((double)eval["healed"]!["loss"]!, Is.LessThan((double)eval["dropped"]!["loss"]!));
            if (types.Length == 0) Assert.That((double)eval["healed"]!["loss"]!, Is.EqualTo(Loss("healed", data)));
            Assert.That(eval.Select(stage => stage.Key), Is.EqualTo(patches ? new[] { "before", "dropped", "patched", "healed" } : ["before", "dropped", "healed"]));
            Assert.That(File.ReadAllBytes(Folder.At("healed", "model.safetensors")), Is.EqualTo(File.ReadAllBytes(Folder.At("merged", "model.safetensors"))));
            Assert.That(File.ReadAllText(Folder.At("healed", "metrics.jsonl")), Is.EqualTo(File.ReadAllText(Folder.At("adapter", "metrics.jsonl"))));
        });
    }

    [Test]
    public void Healing_that_is_stopped_leaves_nothing_behind()
    {
        string[] before = Folder.Contents;
        using var stop = new CancellationTokenSource();
        using var output = new StringWriter();
        using var error = new StopAt(" 1/9 ", stop);
        string[] line = ["drop", "--model", Case.Folder, "--method", "last", "--count", "1", "--heal", Data, "--steps", "9", "--out", Folder.At("out")];
        Assert.That(CommandLine.Run(line, new VerbConsole(output, error, IsErrorTerminal: true), stop.Token), Is.EqualTo(130));
        Assert.That(Folder.Contents, Is.EqualTo(before));
    }

    [TestCase("--patch cosine", "--patch", "'cosine'")]
    [TestCase("--patch linear --ridge -1", "--ridge", "'-1'")]
    [TestCase("--patch linear --ridge NaN", "--ridge", "'NaN'")]
    [TestCase("--ridge 1", "--ridge", "--patch")]
    [TestCase("--patch-data DATA", "--patch-data", "--patch")]
    [TestCase("--method last --patch linear NODATA", "--patch", "--patch-data")]
    [TestCase("--method last --patch linear NODATA --patch-data EMPTY", "empty.jsonl")]
    [TestCase("--rank 4", "--rank", "--heal")]
    [TestCase("--lr 1", "--lr", "--heal")]
    [TestCase("--max-length 9", "--max-length", "--heal or --eval-data")]
    [TestCase("--method last NODATA --heal EMPTY", "empty.jsonl")]
    [TestCase("--heal DATA --steps 3 --epochs 2", "--steps", "both")]
    [TestCase("--heal DATA --target-modules z_proj", "--target-modules", "z_proj")]
    public void What_cannot_be_recovered_is_refused_and_nothing_written(string flags, params string[] says)
    {
        string empty = Folder.Write("empty.jsonl", "");
        bool hasData = !flags.Contains("NODATA", StringComparison.Ordinal);
        string[] given = [.. flags.Replace(" NODATA", "", StringComparison.Ordinal).Split(' ').Select(word => word == "DATA" ? Data : word == "EMPTY" ? empty : word)];
        string[] source = hasData ? ["--data", Data] : [];
        CliRun.Fails(2, says, ["drop", "--model", Case.Folder, "--count", "1", .. source, .. given, "--quiet", "--out", Folder.At("out")]);
        Assert.That(Directory.Exists(Folder.At("out")), Is.False);
    }

    [Test]
    public void An_adapter_on_nothing_but_what_is_dropped_is_refused_and_nothing_is_written()
    {
        string[] line = ["drop", "--model", Case.Folder, "--granularity", "mlp", "--method", "first", "--count", "3", "--heal", Data, "--quiet"];
        CliRun.Fails(2, ["--target-modules", "down_proj"], [.. line, "--target-modules", "down_proj", "--out", Folder.At("out")]);
        Assert.That(Directory.Exists(Folder.At("out")), Is.False);
    }

    [Test]
    public void Too_few_tokens_without_a_ridge_fail_and_nothing_is_written()
    {
        CliRun run = CliRun.Of(
            "drop", "--model", Case.Folder, "--method", "last", "--count", "1", "--patch", "linear", "--ridge", "0", "--out", Folder.At("out"),
            "--patch-data", Folder.Write("few.jsonl", "{\"input_ids\":[1,2,3]}"));
        Assert.That((run.ExitCode, run.Output), Is.EqualTo((1, "")));
        Assert.That(run.Error.TrimEnd().Split('\n')[^1], Does.StartWith("behind mlp 1: ").And.Contain("ridge"));
        Assert.That(Directory.Exists(Folder.At("out")), Is.False);
    }

    private JsonObject Drop(string target, params IReadOnlyList<string> flags) =>
        CliRun.Json(["drop", "--model", Case.Folder, "--data", Data, "--method", "last", "--count", "1", .. flags, "--out", Folder.At(target)]);

    private double Loss(string folder, string? data = null) =>
        (double)CliRun.Json("eval", "--task", "perplexity", "--model", Path.IsPathRooted(folder) ? folder : Folder.At(folder), "--data", data ?? Data)["loss"]!;

    private static float[] Read(Checkpoint checkpoint, string name, long[] shape)
    {
        int columns = shape.Length == 1 ? 1 : (int)shape[1];
        var values = new float[shape[0] * columns];
        checkpoint.Read(name, 0, columns, values);
        return values;
    }
}
