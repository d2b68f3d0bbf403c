using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.DataRefinement;
using NativeFl.Tests.DataRefinement;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>refine cluster from outside: the folder that it leaves and what it refuses.</summary>
public sealed class RefineClusterVerbTests
{
    private TemporaryFolder _folder = null!;
    private string _model = "", _data = "";

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        using var fixture = new FixtureCase("llama");
        _model = VerbInput.ModelWithTokenizer(fixture, _folder);
        _data = _folder.Write("data.jsonl", string.Join('\n', Enumerable.Range(0, 6).Select(i => Record($"r{i}", i % 2 == 0 ? "0102030405" : "f0f1f2f3f4", i < 2 ? "06" : "07"))));
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [TestCase("kmeans")]
    [TestCase("agglomerative")]
    public void Records_that_are_alike_come_together(string method)
    {
        JsonObject result = CliRun.Json(Line(method, 2));
        ClusterFolder clusters = ClusterFolder.Read(_folder.At("out"));
        Assert.Multiple(() =>
        {
            Assert.That(clusters.Clusters.Select(c => string.Join(' ', c.Members)), Is.EqualTo(new[] { "r0 r2 r4", "r1 r3 r5" }));
            Assert.That(clusters.Clusters.Select(c => c.Proxy), Is.EqualTo(new[] { "r2", "r3" }), "the two that are equal have the mean");
            Assert.That((clusters.Method, clusters.Embedding), Is.EqualTo((method, "hidden-states")));
            Assert.That(File.ReadLines(_folder.At("out", "records.jsonl")).Select(l => JsonNode.Parse(l)!["record"]!.ToJsonString()), Is.EqualTo(File.ReadLines(_data)));
            Assert.That(((int)result["clusters"]!, (int)result["records"]!, (int)result["smallest"]!, (int)result["largest"]!), Is.EqualTo((2, 6, 3, 3)));
            Assert.That((double)result["inertia"]!, Is.EqualTo(clusters.Inertia).And.GreaterThan(0));
            JsonNode run = JsonNode.Parse(File.ReadAllText(_folder.At("out", "run.json")))!;
            Assert.That((string)run["verb"]!, Is.EqualTo("refine cluster"));
            Assert.That((int)run["recipe"]!["clusters"]!, Is.EqualTo(2));
            Assert.That(File.ReadAllText(_folder.At("out", "report.html")), Does.Contain("<svg").And.Contain("r2"));
        });
    }

    [Test]
    public void A_sentence_embedder_stands_in_for_the_base()
    {
        string[] questions = ["the cat sat on the mat", "The CAT sat on the mat", "how many eggs are there?", "How many eggs are there?"];
        string data = _folder.Write("words.jsonl", string.Join('\n', questions.Select((question, i) => Record($"r{i}", question, i < 2 ? "cat" : "eggs"))));
        JsonObject result = CliRun.Json(
            "refine", "cluster", "--embedder", EmbedderFixture.Folder, "--data", data, "--clusters", "2", "--device", "cpu", "--out", _folder.At("out"));
        ClusterFolder clusters = ClusterFolder.Read(_folder.At("out"));
        Assert.That(clusters.Clusters.Select(c => string.Join(' ', c.Members)), Is.EqualTo(new[] { "r0 r1", "r2 r3" }));
        Assert.That((clusters.Embedding, (string)result["embedding"]!), Is.EqualTo(("embedder", "embedder")));
    }

    [Test]
    public void The_table_shows_the_clusters()
    {
        CliRun run = CliRun.Of(Line("agglomerative", 2));
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.Output.Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries), Is.EqualTo(new[] { "cluster", "records", "proxy" }));
        Assert.That(run.Output, Does.Contain("6 records in 2 clusters, inertia"));
    }

    private static IEnumerable<TestCaseData<string, string, string[]>> Wrong()
    {
        yield return new TestCaseData<string, string, string[]>("", "--clusters 7", ["--clusters", "at most 6", "7"]);
        yield return new TestCaseData<string, string, string[]>("", "--clusters 0", ["--clusters", "'0'"]);
        yield return new TestCaseData<string, string, string[]>("", "", ["--clusters", "nothing"]);
        yield return new TestCaseData<string, string, string[]>("", "--clusters 2 --method agglomerative --restarts 2", ["--restarts", "--method kmeans with it", "agglomerative"]);
        yield return new TestCaseData<string, string, string[]>(Record("r1", "01", "02"), "--clusters 2", ["data.jsonl:7", "an id of its own", "\"r1\""]);
        yield return new TestCaseData<string, string, string[]>(Record("r9", "01", ""), "--clusters 2", ["data.jsonl:7: answer", "an empty one"]);
        yield return new TestCaseData<string, string, string[]>("", "--clusters 2 --embedder MODEL", ["config.json: model_type", "\"bert\"", "\"llama\""]);
        yield return new TestCaseData<string, string, string[]>("", "--clusters 2 --embedder CLI", ["config.json", "no such file"]);
        yield return new TestCaseData<string, string, string[]>("{\"id\":\"r9\",\"question\":\"01\"}", "--clusters 2", ["data.jsonl:7", "answer"]);
    }

    [TestCaseSource(nameof(Wrong))]
    public void Wrong_input_ends_with_2_one_line_and_no_folder(string more, string flags, string[] says)
    {
        if (more.Length > 0) File.AppendAllText(_data, "\n" + more);
        string[] line = ["refine", "cluster", "--model", _model, "--data", _data, .. flags.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Path), "--out", _folder.At("out")];
        CliRun.Fails(2, says, line);
        Assert.That(Directory.Exists(_folder.At("out")), Is.False);
    }

    private string Path(string word) => word switch { "MODEL" => _model, "CLI" => _folder.Root, _ => word };

    [Test]
    public void Without_a_base_and_an_embedder_there_is_nothing_to_embed_by() =>
        CliRun.Fails(2, ["--model", "--embedder", "nothing"], "refine", "cluster", "--data", _data, "--clusters", "2", "--out", _folder.At("out"));

    private static string Record(string id, string question, string answer) =>
        JsonSerializer.Serialize(new Dictionary<string, string> { ["id"] = id, ["question"] = question, ["answer"] = answer });

    private string[] Line(string method, int clusters) =>
        ["refine", "cluster", "--model", _model, "--data", _data, "--clusters", $"{clusters}", "--method", method, "--device", "cpu", "--out", _folder.At("out")];
}
