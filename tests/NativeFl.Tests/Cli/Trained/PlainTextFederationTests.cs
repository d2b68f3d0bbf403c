using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli.Trained;

/// <summary>Plain text is packed, but never across clients.</summary>
public sealed class PlainTextFederationTests
{
    private static readonly string[] Training = ["--max-length", "24", "--batch-size", "2", "--lr", "1e-2"];

    private TemporaryFolder _folder = null!;
    private string _data = "";

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        string[] prose = [.. File.ReadLines(Path.Combine(SmallQuickstart.Out, "data", "prose.jsonl")).Take(12)];
        _data = _folder.Write("text.jsonl", string.Join('\n', prose.Select((line, i) =>
        {
            JsonObject record = JsonNode.Parse(line)!.AsObject();
            (record["id"], record["kind"]) = ($"t{i}", i % 2 == 0 ? "even" : "odd");
            return record.ToJsonString();
        })));
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void A_partition_by_label_holds_whole_records_and_trains_again_by_hand()
    {
        string fed = _folder.At("fed");
        JsonObject result = CliRun.Json([
            "federate", "--model", SmallQuickstart.Base, "--data", _data, "--seed", "5", "--clients", "2", "--rank", "4", "--rounds", "1",
            "--partition", "dirichlet:0.5:kind", "--min-examples", "2", .. Training, "--out", fed]);
        JsonObject[] clients = [.. JsonNode.Parse(File.ReadAllText(Path.Combine(fed, "partition.json")))!["clients"]!.AsArray().Select(c => c!.AsObject())];
        string[][] records = [.. clients.Select(c => c["records"]!.AsArray().Select(r => (string)r!).ToArray())];
        Assert.That(records.SelectMany(r => r).Order(StringComparer.Ordinal), Is.EqualTo(Enumerable.Range(0, 12).Select(i => $"t{i}").Order(StringComparer.Ordinal)));
        for (int k = 0; k < 2; k++)
        {
            string own = _folder.At($"train-{k}");
            JsonObject trained = CliRun.Json([
                "train", "--model", SmallQuickstart.Base, "--data", _data, .. Training,
                "--partition", Path.Combine(fed, "partition.json"), "--client", $"{k}", "--out", own]);
            Assert.That((int)trained["steps"]!, Is.EqualTo((int)result["rounds"]![0]!["clients"]![k]!["steps"]!));
            AdapterWeights got = Adapter(own), expected = Adapter(Path.Combine(fed, "round-01", $"client-0{k}"));
            foreach ((ModuleId module, LoraFactors factors) in got.Modules)
                Assert.That(FixtureCase.Distance(factors.B, expected.Modules[module].B), Is.LessThan(1e-3), $"{module}");
        }
    }

    [Test]
    public void One_file_a_client_may_repeat_ids()
    {
        string[] lines = File.ReadAllLines(_data);
        string one = _folder.Write("one.jsonl", string.Join('\n', lines[..5])), two = _folder.Write("two.jsonl", string.Join('\n', lines[3..]));
        string fed = _folder.At("fed");
        CliRun.Json([
            "federate", "--model", SmallQuickstart.Base, "--data", one, two, "--partition", "files", "--rank", "4", "--rounds", "1", .. Training, "--out", fed]);
        JsonNode partition = JsonNode.Parse(File.ReadAllText(Path.Combine(fed, "partition.json")))!;
        Assert.That(partition["clients"]![1]!["records"]!.AsArray().Select(r => (string)r!), Is.EqualTo(Enumerable.Range(3, 9).Select(i => $"1:t{i}")));
        JsonObject trained = CliRun.Json([
            "train", "--model", SmallQuickstart.Base, "--data", one, two, .. Training,
            "--partition", Path.Combine(fed, "partition.json"), "--client", "1", "--out", _folder.At("own")]);
        Assert.That((int)trained["steps"]!, Is.GreaterThan(0));
        CliRun.Fails(2, ["--data: expected each client's file once"], [
            "federate", "--model", SmallQuickstart.Base, "--data", one, one, "--partition", "files", "--rounds", "1", "--out", _folder.At("twice")]);
    }

    private static AdapterWeights Adapter(string folder) => AdapterFolder.Load(folder, ModelConfigFile.Load(SmallQuickstart.Base)).Weights;
}
