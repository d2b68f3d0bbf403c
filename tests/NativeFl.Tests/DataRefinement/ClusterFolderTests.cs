using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.DataRefinement;

public sealed class ClusterFolderTests
{
    private const string Records = """
        {"id": "a", "question": "1 + 1? \"naïve\" <b>", "answer": "2", "extra": [1, {"deep": null}]}
        {"question": "1 + 2?", "answer": "3"}
        {"id": 7, "question": "1 + 3?", "answer": "4"}
        """;

    [Test]
    public void What_is_written_is_read([Values] bool isArray)
    {
        using var folder = new TemporaryFolder();
        ClusterFolder written = Written(folder, isArray);
        ClusterFolder read = ClusterFolder.Read(folder.Root);
        Assert.Multiple(() =>
        {
            Assert.That((read.Method, read.Embedding, read.Inertia, read.IsArray), Is.EqualTo(("kmeans", "hidden-states", 0.1, isArray)));
            Assert.That(read.Clusters.Select(c => c.Proxy), Is.EqualTo(new[] { "1", "7" }));
            Assert.That(read.Clusters.Select(c => c.Members), Is.EqualTo(new[] { new[] { "a", "1" }, ["7"] }));
            Assert.That(read.Records.Select(r => r.Id), Is.EqualTo(new[] { "a", "1", "7" }));
            Assert.That(read.Records.Select(r => r.Fields.ToJsonString()), Is.EqualTo(written.Records.Select(r => r.Fields.ToJsonString())), "the input's own objects");
            Assert.That(read.Records[2].Place, Does.EndWith("records.jsonl:3"));
        });
    }

    [Test]
    public void The_files_are_those_that_the_documentation_describes()
    {
        using var folder = new TemporaryFolder();
        Written(folder);
        JsonNode clusters = JsonNode.Parse(File.ReadAllText(Path.Combine(folder.Root, "clusters.json")))!;
        Assert.That(clusters.ToJsonString(), Is.EqualTo(
            """{"method":"kmeans","embedding":"hidden-states","inertia":0.1,"format":"jsonl","clusters":[{"proxy":"1","members":["a","1"]},{"proxy":"7","members":["7"]}]}"""));
        Assert.That(File.ReadAllLines(Path.Combine(folder.Root, "records.jsonl"))[1], Is.EqualTo("""{"id":"1","record":{"question":"1 + 2?","answer":"3"}}"""));
    }

    [Test]
    public void Singles_are_clusters_of_one()
    {
        using var folder = new TemporaryFolder();
        ClusterFolder singles = ClusterFolder.OfSingles(RecordReader.Read([folder.Write("data.jsonl", Records)]));
        Assert.That(singles.Clusters.Select(c => (c.Proxy, c.Members.Single())), Is.EqualTo(new[] { ("a", "a"), ("1", "1"), ("7", "7") }));
    }

    [TestCase("\"a\",\"1\"", "\"1\"", "every record of records.jsonl in one cluster, got \"a\" in none")]
    [TestCase("[\"7\"]", "[\"7\",\"a\"]", "got \"a\", which is none or is in two")]
    [TestCase("[\"7\"]", "[\"7\",\"b\"]", "got \"b\", which is none or is in two")]
    [TestCase("\"proxy\":\"7\"", "\"proxy\":\"a\"", "expected a proxy among its cluster's members, got \"a\"")]
    [TestCase("\"proxy\":\"7\",", "", "clusters.json: clusters[1].proxy: expected an id, got null")]
    [TestCase("\"inertia\":0.1", "\"inertia\":\"x\"", "clusters.json: inertia: expected a finite number")]
    [TestCase("\"jsonl\"", "\"csv\"", "clusters.json: format: expected json or jsonl, got \"csv\"")]
    [TestCase("\"clusters\"", "\"groups\"", "clusters.json: clusters: expected a list of objects")]
    public void A_file_that_does_not_fit_the_records_is_refused(string part, string instead, string says)
    {
        using var folder = new TemporaryFolder();
        Written(folder);
        string path = Path.Combine(folder.Root, "clusters.json"), text = JsonNode.Parse(File.ReadAllText(path))!.ToJsonString();
        Assert.That(text, Does.Contain(part));
        File.WriteAllText(path, text.Replace(part, instead, StringComparison.Ordinal));
        Assert.That(() => ClusterFolder.Read(folder.Root), Throws.TypeOf<InvalidInputException>().With.Message.Contains(says));
    }

    [Test]
    public void A_folder_without_its_files_is_refused()
    {
        using var folder = new TemporaryFolder();
        Assert.That(() => ClusterFolder.Read(folder.Root), Throws.TypeOf<InvalidInputException>().With.Message.Contains("clusters.json"));
        Written(folder);
        File.Delete(Path.Combine(folder.Root, "records.jsonl"));
        Assert.That(() => ClusterFolder.Read(folder.Root), Throws.TypeOf<InvalidInputException>().With.Message.Contains("records.jsonl"));
    }

    private static ClusterFolder Written(TemporaryFolder folder, bool isArray = false)
    {
        var written = new ClusterFolder
        {
            Method = "kmeans",
            Embedding = "hidden-states",
            Inertia = 0.1,
            Clusters = [new RecordCluster("1", ["a", "1"]), new RecordCluster("7", ["7"])],
            Records = RecordReader.Read([folder.Write("data.jsonl", Records)]),
            IsArray = isArray,
        };
        written.Write(folder.Root);
        return written;
    }
}
