using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>refine select from outside: the file that it leaves and what it refuses.</summary>
public sealed class RefineSelectVerbTests
{
    private TemporaryFolder _folder = null!;
    private string _model = "", _data = "", _clusters = "", _values = "";

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        using var fixture = new FixtureCase("llama");
        _model = VerbInput.ModelWithTokenizer(fixture, _folder);
        string[] answers = ["06", "0607", "060708", "06070809", "0a0b", "0c0d0e0f10"];
        _data = _folder.Write("data.jsonl", string.Join('\n', answers.Select((answer, i) => $$"""{"question":"010203","answer":"{{answer}}","note":[{{i}},1e2]}""")));
        var clusters = new ClusterFolder
        {
            Method = "kmeans",
            Embedding = "hidden-states",
            Inertia = 1,
            Clusters = [new RecordCluster("1", ["0", "1"]), new RecordCluster("2", ["2", "5"]), new RecordCluster("4", ["3", "4"])],
            Records = RecordReader.Read([_data]),
        };
        (_clusters, _values) = (_folder.At("clusters"), _folder.At("values"));
        foreach (string path in new[] { _clusters, _values })
        {
            Directory.CreateDirectory(path);
            clusters.Write(path);
        }

        ValueFolder.Write(_values, new ProxyValues
        {
            Estimator = "permutation",
            Proxies = [new ProxyValue("1", 0.1, null, 1, 0), new ProxyValue("2", 0.3, null, 1, 1), new ProxyValue("4", 0.2, null, 1, 2)],
            Groups = 3,
            FineTunings = 4,
            LeftOut = 0,
            EmptyValue = 0,
            WholeValue = 1,
        });
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [TestCase("--values V --method qocs", 3, "2 3 5")]
    [TestCase("--values V --method qocs", 4, "2 3 4 5")]
    [TestCase("--values V --method qwcs --weight-factor 500", 2, "2 5")]
    [TestCase("--values V --method longest", 2, "3 5")]
    [TestCase("--clusters C --method longest", 1, "5")]
    [TestCase("--clusters C --method random", 6, "0 1 2 3 4 5")]
    public void The_file_holds_the_chosen_records_as_they_were_and_in_their_order(string flags, int count, string chosen)
    {
        JsonObject result = CliRun.Json(Line(flags, $"{count}"));
        string[] input = File.ReadAllLines(_data);
        Assert.Multiple(() =>
        {
            Assert.That(File.ReadAllLines(_folder.At("chosen", "out.jsonl")), Is.EqualTo(chosen.Split(' ').Select(n => input[int.Parse(n, null)])));
            Assert.That(((int)result["records"]!, (int)result["of"]!), Is.EqualTo((count, 6)));
            Assert.That(result["ids"]!.AsArray().Select(id => (string)id!), Is.EquivalentTo(chosen.Split(' ')));
        });
    }

    /// <summary>From the data to the choice, with nothing but the verbs.</summary>
    [Test]
    public void Of_a_JSON_array_an_array_of_its_own_objects_is_chosen([Values("", "value")] string step)
    {
        string[] input = File.ReadAllLines(_data);
        string array = _folder.Write("data.json", "\uFEFF [" + string.Join(" ,", input) + "]"), from = _folder.At("from");
        string[] line = step.Length == 0
            ? ["refine", "cluster", "--clusters", "2"]
            : ["refine", "value", "--estimator", "in-run", "--rank", "1", "--batch-size", "6", "--validation", _folder.Write("validation.jsonl", """{"question":"01","answer":"02"}""")];
        CliRun.Json([.. line, "--model", _model, "--data", array, "--device", "cpu", "--out", from]);
        string[] chosen = [.. CliRun.Json([.. Line(step.Length == 0 ? "--clusters F --method random" : "--values F --method qocs", "3")])["ids"]!.AsArray().Select(id => (string)id!).Order()];
        string written = File.ReadAllText(_folder.At("chosen", "out.jsonl"));
        Assert.That(written.Split('\n', StringSplitOptions.RemoveEmptyEntries), Is.EqualTo(["[", input[int.Parse(chosen[0], null)] + ",", input[int.Parse(chosen[1], null)] + ",", input[int.Parse(chosen[2], null)], "]"]));
        Assert.That(RecordReader.Read([_folder.At("chosen", "out.jsonl")], out bool isArray), Has.Count.EqualTo(3));
        Assert.That(isArray);
    }

    [Test]
    public void Balanced_takes_one_of_every_cluster()
    {
        Assert.That((int)CliRun.Json(Line("--clusters C --method balanced", "3"))["clusters"]!, Is.EqualTo(3));
    }

    [Test]
    public void Perplexity_is_that_of_eval()
    {
        double[] losses = [.. File.ReadAllLines(_data).Select((line, i) => (double)CliRun.Json(
            "eval", "--task", "perplexity", "--model", _model, "--data", _folder.Write($"one{i}.jsonl", line), "--device", "cpu")["loss"]!)];
        string[] order = [.. losses.Select((loss, i) => (loss, i)).OrderBy(p => p.loss).Select(p => $"{p.i}")];
        string[] Ids(string method) => [.. CliRun.Json([.. Line($"--clusters C --method {method} --model M", "2"), "--force"])["ids"]!.AsArray().Select(id => (string)id!)];
        Assert.That(Ids("lowest-perplexity"), Is.EqualTo(order[..2]));
        Assert.That(Ids("highest-perplexity"), Is.EqualTo(new[] { order[5], order[4] }));
    }

    [Test]
    public void A_file_that_is_there_is_replaced_only_by_force()
    {
        string path = _folder.Write("chosen/out.jsonl", "mine");
        CliRun.Fails(2, ["--out", "--force"], Line("--values V --method qocs", "3"));
        Assert.That(File.ReadAllText(path), Is.EqualTo("mine"));
        Assert.That(CliRun.Of([.. Line("--values V --method qocs", "3"), "--force"]).ExitCode, Is.Zero);
        Assert.That(File.ReadAllLines(path), Has.Length.EqualTo(3));
    }

    [TestCase("--values V --method qocs", "7", "--count", "at most 6")]
    [TestCase("--values V --method qocs", "0", "--count", "'0'")]
    [TestCase("--values V --clusters C --method qocs", "2", "--values", "both")]
    [TestCase("--method random", "2", "--values", "--clusters")]
    [TestCase("--clusters C --method qocs", "2", "--values", "--method qocs")]
    [TestCase("--clusters C --method lowest-perplexity", "2", "--model", "perplexities")]
    [TestCase("--values V", "2", "--method", "nothing")]
    [TestCase("--values V --method best", "2", "--method", "'best'")]
    [TestCase("--values V --method qwcs --weight-factor NaN", "2", "--weight-factor", "'NaN'")]
    [TestCase("--values V --method qocs --weight-factor 2", "2", "--weight-factor", "--method qwcs with it")]
    [TestCase("--values M --method qocs", "2", "clusters.json", "no such file")]
    [TestCase("--values C --method qocs", "2", "values.json", "no such file")]
    public void Wrong_input_ends_with_2_one_line_and_no_file(string flags, string count, string says, string too)
    {
        CliRun.Fails(2, [says, too], Line(flags, count));
        Assert.That(File.Exists(_folder.At("chosen", "out.jsonl")), Is.False);
    }

    private string[] Line(string flags, string count) =>
    [
        "refine", "select", "--count", count, "--seed", "3", "--device", "cpu", "--out", _folder.At("chosen", "out.jsonl"),
        .. flags.Split(' ').Select(word => word switch { "V" => _values, "C" => _clusters, "M" => _model, "F" => _folder.At("from"), _ => word }),
    ];
}
