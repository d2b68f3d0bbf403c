using System.Text.Json.Nodes;
using NativeFl.Models;

namespace NativeFl.Tests.Cli;

/// <summary>score and drop on one fixture: what they write is what was measured, and every verb goes on from it.</summary>
public sealed class DropVerbTests : FixtureVerbTest
{
    [Test]
    public void The_most_similar_goes_first_measured_now_or_before([Values("attention", "mlp", "block")] string granularity, [Values] bool fromScores)
    {
        double[] similarity = Case.List($"mean_token_cosine.{granularity}");
        int[] order = [.. Enumerable.Range(0, similarity.Length).OrderByDescending(l => similarity[l]).Take(2)];
        string[] source = ["--data", Data];
        if (fromScores)
        {
            CliRun.Json("score", "--model", Case.Folder, "--data", Data, "--out", Folder.At("scores"));
            source = ["--scores", Folder.At("scores")];
        }

        JsonObject result = Drop("model", ["--granularity", granularity, "--count", "2", .. source]);
        bool[] expected = [.. similarity.Select((_, l) => order.Contains(l))], nothing = new bool[similarity.Length];
        ModelConfig config = ModelConfigFile.Load(Folder.At("model"));
        Assert.Multiple(() =>
        {
            Assert.That(Ranking(result), Is.EqualTo(order));
            Assert.That(config.Dropped.Mask(SublayerKind.Attention, similarity.Length), Is.EqualTo(granularity == "mlp" ? nothing : expected));
            Assert.That(config.Dropped.Mask(SublayerKind.Mlp, similarity.Length), Is.EqualTo(granularity == "attention" ? nothing : expected));
            Assert.That(JsonNode.DeepEquals(JsonNode.Parse(File.ReadAllText(Folder.At("model", "drop.json"))), result), Is.True);
            Assert.That(File.ReadAllText(Folder.At("model", "report.html")), Does.Match(@"similarity: 1 → -?\d(?s:.*)similarity: 2 → -?\d"));
        });
    }

    [Test]
    public void Weights_left_out_kept_and_zeroed_compute_the_same_and_zeros_also_without_the_lists()
    {
        string[] what = ["--granularity", "joint", "--count", "3", "--method", "last", "--save-dtype", "f32"];
        Drop("out", what);
        Drop("kept", [.. what, "--keep-weights"]);
        Drop("zero", [.. what, "--zero-weights"]);
        double loss = Loss("out");
        Assert.Multiple(() =>
        {
            Assert.That(loss, Is.Not.EqualTo(Loss(Case.Folder)).Within(1e-3), "something was dropped");
            Assert.That(Loss("kept"), Is.EqualTo(loss));
            Assert.That(Loss("zero"), Is.EqualTo(loss));
            Assert.That(Size("out"), Is.LessThan(Size("kept")));
        });
        JsonObject config = JsonNode.Parse(File.ReadAllText(Folder.At("zero", "config.json")))!.AsObject();
        config.Remove("drop_attn_list");
        config.Remove("drop_mlp_list");
        File.WriteAllText(Folder.At("zero", "config.json"), config.ToJsonString());
        Assert.That(Loss("zero"), Is.EqualTo(loss).Within(1e-6), "a loader that knows nothing of the lists");
    }

    [Test]
    public void Dropping_nothing_is_the_identity_bit_for_bit([Values("f32", "bf16")] string dtype)
    {
        Drop("same", ["--count", "0", "--data", Data, "--dtype", dtype]);
        using Checkpoint before = Checkpoint.Open(Case.Folder), after = Checkpoint.Open(Folder.At("same"));
        Assert.That(after.Config.Dropped.Count, Is.Zero);
        foreach ((string name, long[] shape) in Checkpoint.ExpectedTensors(before.Config))
        {
            int columns = shape.Length == 1 ? 1 : (int)shape[1];
            float[] x = new float[shape[0] * columns], y = new float[shape[0] * columns];
            before.Read(name, 0, columns, x);
            after.Read(name, 0, columns, y);
            Assert.That(y, Is.EqualTo(x), name);
        }
    }

    [Test]
    public void Greedy_takes_what_raises_the_loss_least_and_goes_on_from_there()
    {
        JsonObject result = Drop("greedy", ["--granularity", "joint", "--count", "2", "--method", "greedy", "--data", Data]);
        double[] losses = [.. result["ranking"]!.AsArray().Select(step => (double)step!["loss"]!)];
        List<double> singles = [];
        foreach (string granularity in new[] { "attention", "mlp" })
        {
            for (int layer = 0; layer < Case.Config.LayerCount; layer++) singles.Add(LossWithout(granularity, layer));
        }

        Assert.Multiple(() =>
        {
            Assert.That(losses[0], Is.EqualTo(singles.Min()).Within(1e-6));
            Assert.That(losses[1], Is.EqualTo(Loss("greedy")).Within(1e-6), "the last loss is that of what was written");
        });
    }

    [Test]
    public void A_dropped_model_trains_generates_and_is_dropped_again()
    {
        Drop("once", ["--granularity", "attention", "--count", "1", "--data", Data]);
        Drop("twice", ["--model", Folder.At("once"), "--granularity", "mlp", "--count", "1", "--method", "first"]);
        ModelConfig config = ModelConfigFile.Load(Folder.At("twice"));
        Assert.That(config.Dropped.Count, Is.EqualTo(2));
        CliRun.Json("train", "--model", Folder.At("twice"), "--data", Data, "--rank", "4", "--steps", "2", "--out", Folder.At("adapter"));
        Assert.That(AdapterFolder.Load(Folder.At("adapter"), config).Weights.Modules.Keys, Is.EqualTo(config.Modules()));
        CliRun.Json("merge", "--model", Folder.At("twice"), "--adapter", Folder.At("adapter"), "--out", Folder.At("merged"));
        Assert.That(ModelConfigFile.Load(Folder.At("merged")).Dropped, Is.EqualTo(config.Dropped));
        string prompt = Folder.Write("prompt.json", "{\"input_ids\":[[1,2,3]]}");
        JsonObject generated = CliRun.Json("generate", "--model", Folder.At("merged"), "--ids", prompt, "--max-new-tokens", "4", "--ignore-eos");
        Assert.That(generated["ids"]![0]!.AsArray(), Has.Count.EqualTo(4));
    }

    [Test]
    public void Iterative_equals_one_shot_at_one_and_consecutive_blocks_are_neighbours()
    {
        string[] data = ["--granularity", "block", "--data", Data];
        JsonObject shot = Drop("shot", ["--count", "1", .. data]), again = Drop("again", ["--count", "1", "--iterative", .. data]);
        JsonObject run = Drop("run", ["--count", "2", "--consecutive", .. data]);
        int[] layers = [.. run["ranking"]![0]!["layers"]!.AsArray().Select(n => (int)n!)];
        Assert.Multiple(() =>
        {
            Assert.That(Ranking(again), Is.EqualTo(Ranking(shot)));
            Assert.That(layers, Has.Length.EqualTo(2));
            Assert.That(layers[1], Is.EqualTo(layers[0] + 1));
        });
    }

    [TestCase("--count 3", "--count", "0 to 2 layers")]
    [TestCase("--count 3 --granularity block", "--count", "0 to 2 blocks")]
    [TestCase("--count 6 --granularity joint", "--count", "0 to 5 sublayers")]
    [TestCase("--count 4 --granularity mlp", "--count", "0 to 3 layers")]
    [TestCase("--count 1 --scores SCORES --method greedy", "--scores", "similarity")]
    [TestCase("--count 1 --method random --iterative", "--iterative", "similarity")]
    [TestCase("--count 1 --consecutive", "--consecutive", "block")]
    [TestCase("--count 1 --keep-weights --zero-weights", "--zero-weights", "both")]
    [TestCase("--count 1 --scores SCORES --data DATA", "--data", "both")]
    [TestCase("--count 1 --scores SCORES", "scores.json", "no such file")]
    public void What_cannot_be_dropped_is_refused_and_nothing_written(string flags, params string[] says)
    {
        Directory.CreateDirectory(Folder.At("scores"));
        string[] given = [.. flags.Replace("SCORES", Folder.At("scores"), StringComparison.Ordinal).Replace("DATA", Data, StringComparison.Ordinal).Split(' ')];
        bool hasSource = flags.Contains("SCORES", StringComparison.Ordinal);
        string[] source = hasSource ? [] : ["--data", Data];
        CliRun.Fails(2, says, ["drop", "--model", Case.Folder, .. given, .. source, "--out", Folder.At("out")]);
        Assert.That(Directory.Exists(Folder.At("out")), Is.False);
    }

    private JsonObject Drop(string target, params IReadOnlyList<string> flags)
    {
        string[] model = flags.Contains("--model") ? [] : ["--model", Case.Folder];
        return CliRun.Json(["drop", .. model, .. flags, "--out", Folder.At(target)]);
    }

    private double Loss(string folder) =>
        (double)CliRun.Json("eval", "--task", "perplexity", "--model", Path.IsPathRooted(folder) ? folder : Folder.At(folder), "--data", Data)["loss"]!;

    private double LossWithout(string granularity, int layer)
    {
        string folder = Folder.At($"{granularity}-{layer}");
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.EnumerateFiles(Case.Folder)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        config[granularity == "mlp" ? "drop_mlp_list" : "drop_attn_list"] = new JsonArray(layer);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        return Loss(folder);
    }

    private static IEnumerable<int> Ranking(JsonObject result) => result["ranking"]!.AsArray().SelectMany(step => step!["layers"]!.AsArray()).Select(n => (int)n!);

    private long Size(string folder) => new FileInfo(Folder.At(folder, "model.safetensors")).Length;
}
