using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>Plain text for score and drop: packed as LLM-Drop packs it, or with --no-packing a record at a time, as the library measures either.</summary>
public sealed class CalibrationPackingTests
{
    private const int Begin = 254, End = 255, Length = 15;

    /// <summary>With an end behind each exactly two samples; with a beginning as well none is longer than a sample.</summary>
    private static readonly int[][] Texts = [[.. Enumerable.Range(10, 11)], [7, 5, 3, 2], [.. Enumerable.Range(100, 12)]];

    private FixtureCase _case = null!;
    private TemporaryFolder _folder = null!;
    private string[] _line = null!;

    private static int[][] Packed => [.. Texts.SelectMany(ids => ids.Append(End)).Chunk(Length)];

    private static int[][] Apart => [.. Texts.Select(int[] (ids) => [Begin, .. ids, End])];

    [SetUp]
    public void Open()
    {
        (_case, _folder) = (new FixtureCase("llama"), new TemporaryFolder());
        string model = VerbInput.ModelWithTokenizer(_case, _folder);
        string names = $$"""{"bos_token":"{{VerbInput.Text(Begin)}}","eos_token":"{{VerbInput.Text(End)}}","add_bos_token":true}""";
        File.WriteAllText(Path.Combine(model, "tokenizer_config.json"), names);
        string data = _folder.Write("text.jsonl", string.Join('\n', Texts.Select(ids => $$"""{"text":"{{VerbInput.Text(ids)}}"}""")));
        _line = ["--model", model, "--data", data, "--seq-len", $"{Length}", "--device", "cpu", "--dtype", "f32"];
    }

    [TearDown]
    public void Close()
    {
        _case.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void Score_measures_packed_samples_or_records_on_their_own([Values("attention", "mlp", "block")] string granularity)
    {
        JsonObject packed = CliRun.Json(["score", .. _line, "--granularity", granularity]);
        JsonObject apart = CliRun.Json(["score", .. _line, "--granularity", granularity, "--no-packing"]);
        Assert.Multiple(() =>
        {
            Assert.That(Similarities(packed["layers"]!), Is.EqualTo(Means(granularity, Packed)).Within(1e-9));
            Assert.That(Similarities(apart["layers"]!), Is.EqualTo(Means(granularity, Apart)).Within(1e-9));
            Assert.That(Similarities(apart["layers"]!), Is.Not.EqualTo(Similarities(packed["layers"]!)).Within(1e-4), "it matters which");
            Assert.That(Size(packed), Is.EqualTo((2, 30)));
            Assert.That(Size(apart), Is.EqualTo((3, 33)));
        });
    }

    [Test]
    public void Drop_takes_the_most_similar_of_either([Values("attention", "mlp", "block")] string granularity, [Values] bool packs)
    {
        double[] expected = Means(granularity, packs ? Packed : Apart);
        string[] flag = packs ? [] : ["--no-packing"];
        JsonObject result = CliRun.Json(["drop", .. _line, "--granularity", granularity, "--count", "2", .. flag, "--out", _folder.At("out")]);
        JsonArray ranking = result["ranking"]!.AsArray();
        Assert.Multiple(() =>
        {
            Assert.That(Similarities(ranking), Is.EqualTo(expected.OrderDescending().Take(2)).Within(1e-9));
            Assert.That(ranking.Select(step => expected[(int)step!["layers"]!.AsArray().Single()!]), Is.EqualTo(expected.OrderDescending().Take(2)));
            Assert.That(Size(result), Is.EqualTo(packs ? (2, 30) : (3, 33)));
        });
    }

    private static double[] Similarities(JsonNode layers) => [.. layers.AsArray().Select(layer => (double)layer!["similarity"]!)];

    private static (int Samples, int Tokens) Size(JsonObject result) => ((int)result["samples"]!, (int)result["tokens"]!);

    /// <summary>By layer, the mean over tokens of what the library measures on each sample alone.</summary>
    private double[] Means(string granularity, int[][] samples)
    {
        using var backend = new CpuBackend(new CpuBackendOptions { Threads = 2 });
        using var model = Transformer.Load(backend, _case.Folder);
        var scorer = new SimilarityScorer(model);
        LayerScores[] scores = [.. samples.Select(ids => scorer.Measure([new TokenizedExample("sample", ids, ids)]))];
        double tokens = samples.Sum(ids => ids.Length);
        return [.. Enumerable.Range(0, _case.Config.LayerCount).Select(layer => scores.Sum(s => s.Tokens * Of(s, granularity, layer)) / tokens)];
    }

    private static double Of(LayerScores scores, string granularity, int layer) => granularity switch
    {
        "block" => scores.Blocks[layer].Similarity,
        "mlp" => scores.Of(SublayerKind.Mlp).ElementAt(layer).Similarity,
        _ => scores.Of(SublayerKind.Attention).ElementAt(layer).Similarity,
    };
}
