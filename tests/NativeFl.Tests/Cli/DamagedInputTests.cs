using System.Text.Json.Nodes;
using CsCheck;
using NativeFl.Cli;
using NativeFl.Cli.Flags;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Tokenization;

namespace NativeFl.Tests.Cli;

/// <summary>The JSON files that the command line reads, damaged at random: refused in one line, or read for what they say.</summary>
public sealed class DamagedInputTests
{
    private static readonly string Model = CliRun.Fixture("models", "llama");

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Open() => _folder = new TemporaryFolder();

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void Damaged_token_ids_load_right_or_are_refused()
    {
        const string Valid = """{"input_ids":[[5,6,255,0],[7,8,9,10],[1,2,3,4]],"attention_mask":[[1,1,1,0],[0,1,1,1],[1,1,1,1]],"labels":[[-100,6,255,0]]}""";
        string path = _folder.Write("ids.json", Valid);
        Assert.That(TokenIdsFile.Read(path, 256).Sequence(1), Is.EqualTo(new[] { 8, 9, 10 }));
        Mutation.OfJson(Valid).Sample(bytes => LoadsOrIsRefused(path, bytes, () =>
        {
            TokenIdsFile ids = TokenIdsFile.Read(path, 256);
            Assert.That(ids.Rows, Is.Not.Empty);
            for (int row = 0; row < ids.Rows.Count; row++) Assert.That(ids.Sequence(row), Is.Not.Empty.And.All.InRange(0, 255));
        }), iter: 1000, threads: 1);
    }

    [Test]
    public void A_damaged_partition_loads_right_or_is_refused()
    {
        const string Valid = """
            {"seed":5,"rounds":2,"clients":[{"id":0,"rank":4,"alpha":8,"seeds":[77,78],"records":["r0","r2"]},
             {"id":1,"rank":2,"alpha":4.5,"seeds":[9007199254740991,80],"records":["r3","r1","r4"]}]}
            """;
        string data = _folder.Write("data.jsonl", string.Join('\n', Enumerable.Range(0, 5).Select(i => $"{{\"id\":\"r{i}\",\"input_ids\":[{i + 3},{i + 4},7]}}")));
        string path = _folder.Write("partition.json", Valid);
        Verb train = CommandLine.Verbs.Single(v => v.Name == "train");
        Dictionary<string, string> line = new() { ["--model"] = Model, ["--data"] = data, ["--partition"] = path, ["--client"] = "1", ["--round"] = "2" };
        var flags = new FlagValues(train.Flags, line.ToDictionary(f => f.Key, f => new FlagText(f.Key, [f.Value])));
        using var run = new VerbRun(train, flags, new VerbConsole(TextWriter.Null, TextWriter.Null), default);
        using ModelInput input = ModelInput.Open(run, Model);
        PartitionedData whole = PartitionedData.Load(run, input);
        Assert.That(whole.Examples.SelectMany(e => e.Records), Is.EqualTo(new[] { "r3", "r1", "r4" }));
        Assert.That((whole.Seed, whole.Rank, whole.Alpha), Is.EqualTo((80UL, 2, 4.5)));
        Mutation.OfJson(Valid).Sample(bytes => LoadsOrIsRefused(path, bytes, () =>
        {
            PartitionedData part = PartitionedData.Load(run, input);
            Assert.That(part.Rank, Is.GreaterThan(0));
            Assert.That(part.Alpha, Is.GreaterThan(0).And.Not.EqualTo(double.PositiveInfinity));
            Assert.That(part.Examples.SelectMany(e => e.Records), Is.Not.Empty.And.All.Matches("^r[0-4]$"));
        }), iter: 1000, threads: 1);
    }

    [Test]
    public void Damaged_rounds_of_a_checkpoint_load_right_or_are_refused()
    {
        const string Client = """{"id":0,"rank":4,"examples":8,"steps":4,"loss":2.5,"tokens":40,"seed":77,"upload_bytes":100,"download_bytes":200}""";
        const string Dropped = """{"id":1,"rank":0,"examples":8,"steps":2,"loss":null,"tokens":40,"seed":78,"upload_bytes":100,"download_bytes":200,"dropped":true}""";
        const string Valid = $$"""
            [{"round":1,"clients":[{{Client}},{{Dropped}}],"exactness":1e-8,"rounding":2e-9,"seconds":0.5,"eval":{"loss":2.25,"stderr":null} },
             {"round":2,"clients":[{{Client}}],"exactness":null,"rounding":null,"seconds":1,"eval":null}]
            """;
        string server = Directory.CreateDirectory(_folder.At("checkpoint", "server-02")).FullName, path = Path.Combine(server, "rounds.json");
        FederationCheckpoint.Save(server, new ServerState { Round = 2 });
        ModelConfig config = ModelConfigFile.Load(Model);
        File.WriteAllText(path, Valid);
        Assert.That(FederationResume.Load(_folder.Root, config)!.Rounds.Select(r => (int)r["round"]!), Is.EqualTo(new[] { 1, 2 }));
        Mutation.OfJson(Valid).Sample(bytes => LoadsOrIsRefused(path, bytes, () =>
        {
            IReadOnlyList<JsonObject> rounds = FederationResume.Load(_folder.Root, config)!.Rounds;
            Assert.That(rounds, Has.Count.EqualTo(2));
            var result = new JsonObject { ["method"] = "flora", ["rounds"] = new JsonArray([.. rounds.Select(r => r.DeepClone())]) };
            Assert.That(FederationReport.Page(result).ToHtml(), Does.Contain("Rounds"), "what is read can be reported");
        }), iter: 500, threads: 1);
    }

    private static void LoadsOrIsRefused(string path, byte[] bytes, Action load)
    {
        File.WriteAllBytes(path, bytes);
        try
        {
            load();
        }
        catch (InvalidInputException e)
        {
            Assert.That(e.Message, Does.Contain(path).Or.StartsWith("--round").And.Not.Contain('\n'));
        }
    }
}
