using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Cli.Trained;

/// <summary>
/// Fixtures that are not of this repository, for whoever has them: models/gsm-small (a small trained model in bf16, fifty records, and what a
/// float64 implementation makes of them) and tokenizers/llama2.model (32,000 pieces) with the ids of the sentencepiece library.
/// </summary>
public sealed class LargerFixtureTests
{
    private const string Variable = "NATIVEFL_FIXTURES";

    private string _fixtures = "";

    private string Model => Path.Combine(_fixtures, "models", "gsm-small");

    private string Records => Path.Combine(Model, "gsm8k-test-50.jsonl");

    private JsonNode Expected => JsonNode.Parse(File.ReadAllText(Path.Combine(Model, "expected.json")))!;

    [SetUp]
    public void Find()
    {
        _fixtures = Environment.GetEnvironmentVariable(Variable) ?? "";
        if (_fixtures.Length == 0) Assert.Ignore($"{Variable} names no folder with models/gsm-small and tokenizers/llama2*");
    }

    [Test]
    public void The_loss_of_a_trained_model_is_the_references()
    {
        JsonObject result = CliRun.Json("eval", "--task", "perplexity", "--model", Model, "--data", Records, "--device", "cpu", "--dtype", "f32");
        double expected = (double)Expected["loss"]!;
        Assert.Multiple(() =>
        {
            Assert.That(expected, Is.EqualTo(2.5523).Within(5e-5), "the folder is the one that is meant");
            Assert.That((double)result["loss"]!, Is.EqualTo(expected).Within(1e-4 * expected));
            Assert.That((double)result["tokens"]!, Is.EqualTo((double)Expected["counted_tokens"]!));
        });
    }

    [Test]
    public void Similarities_of_a_trained_model_are_the_references([Values("attention", "mlp", "block")] string granularity)
    {
        JsonObject result = CliRun.Json("score", "--model", Model, "--data", Records, "--granularity", granularity, "--device", "cpu", "--dtype", "f32");
        double[] expected = Numbers(Expected["mean_token_cosine"]![granularity]!);
        Assert.Multiple(() =>
        {
            Assert.That(expected, Has.Length.EqualTo(8));
            Assert.That(result["layers"]!.AsArray().Select(layer => (double)layer!["similarity"]!), Is.EqualTo(expected).Within(1e-4));
            Assert.That((int)result["tokens"]!, Is.EqualTo(File.ReadLines(Records).Sum(line => Ids(JsonNode.Parse(line)!["input_ids"]!).Length)));
        });
    }

    [Test]
    public void Losses_of_a_trained_model_without_a_sublayer_are_the_references([Values("attention", "mlp")] string kind)
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(Model, "model.safetensors"), folder.At("model.safetensors"));
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(Model, "config.json")))!.AsObject();
        double[] expected = Numbers(Expected[$"loss_without_{kind}"]!);
        Assert.That(expected, Has.Length.EqualTo((int)config["num_hidden_layers"]!));
        double[] losses = [.. Enumerable.Range(0, expected.Length).Select(layer =>
        {
            config[kind == "mlp" ? "drop_mlp_list" : "drop_attn_list"] = new JsonArray(layer);
            folder.Write("config.json", config.ToJsonString());
            return (double)CliRun.Json("eval", "--task", "perplexity", "--model", folder.Root, "--data", Records, "--device", "cpu", "--dtype", "f32")["loss"]!;
        })];
        Assert.That(losses, Is.EqualTo(expected).Within(1e-2).Percent);
    }

    [Test]
    public void A_trained_model_goes_on_as_the_reference_does()
    {
        JsonNode record = JsonNode.Parse(File.ReadLines(Records).First())!;
        int[] ids = Ids(record["input_ids"]!), expected = Ids(Expected["greedy_first_record"]!);
        int prompt = Ids(record["labels"]!).TakeWhile(label => label < 0).Count();
        using var folder = new TemporaryFolder();
        string file = folder.Write("prompt.json", JsonSerializer.Serialize(new Dictionary<string, int[][]> { ["input_ids"] = [ids[..prompt]] }));
        JsonObject result = CliRun.Json(
            "generate", "--model", Model, "--ids", file, "--max-new-tokens", $"{expected.Length}", "--ignore-eos", "--device", "cpu", "--dtype", "f32");
        Assert.That(Ids(result["ids"]![0]!), Is.EqualTo(expected));
    }

    [Test]
    public void Ids_of_a_SentencePiece_model_are_the_librarys()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(_fixtures, "tokenizers", "llama2.model"), folder.At("tokenizer.model"));
        Tokenizer tokenizer = Tokenizer.Load(folder.Root);
        JsonArray cases = JsonNode.Parse(File.ReadAllText(Path.Combine(_fixtures, "tokenizers", "llama2.expected.json")))!.AsArray();
        Assert.That(cases, Is.Not.Empty);
        Assert.Multiple(() =>
        {
            Assert.That(tokenizer.VocabularySize, Is.EqualTo(32000));
            foreach (JsonNode? item in cases)
            {
                string text = (string)item!["text"]!;
                Assert.That(tokenizer.Encode(text, addBos: false), Is.EqualTo(Ids(item["ids"]!)), text);
                Assert.That(tokenizer.Encode(text, addBos: true), Is.EqualTo(Ids(item["ids_with_bos"]!)), text);
                Assert.That(tokenizer.Decode(Ids(item["ids"]!)), Is.EqualTo(text));
            }
        });
    }

    private static double[] Numbers(JsonNode node) => [.. node.AsArray().Select(value => (double)value!)];

    private static int[] Ids(JsonNode node) => [.. node.AsArray().Select(id => (int)id!)];
}
