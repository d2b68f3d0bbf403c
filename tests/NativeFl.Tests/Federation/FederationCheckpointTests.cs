using CsCheck;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Tokenization;

namespace NativeFl.Tests.Federation;

public sealed class FederationCheckpointTests
{
    private static readonly ModelConfig Config = new()
    {
        ModelType = "llama",
        VocabularySize = 16,
        HiddenSize = 8,
        IntermediateSize = 12,
        LayerCount = 2,
        Heads = 2,
        KvHeads = 1,
        HeadWidth = 4,
    };

    private string _folder = null!;

    [SetUp]
    public void Open() => _folder = Directory.CreateTempSubdirectory("nativefl-").FullName;

    [TearDown]
    public void Close() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_server_comes_back_bit_for_bit()
    {
        var state = new ServerState
        {
            Round = 3,
            BaseRound = 2,
            InitialEvaluation = new Dictionary<string, double> { ["loss"] = 2.0 / 3, ["stderr"] = double.NaN },
            Global = Adapter(1, 4, 2),
            Beside = Adapter(2, 11, 1),
            Own = new Dictionary<int, AdapterWeights> { [0] = Adapter(3, 2, 0.7f), [12] = Adapter(4, 1, 3) },
        };
        FederationCheckpoint.Save(_folder, state);
        ServerState back = FederationCheckpoint.Load(_folder, Config);
        Assert.Multiple(() =>
        {
            Assert.That((back.Round, back.BaseRound), Is.EqualTo((3, 2)));
            Assert.That(back.InitialEvaluation, Is.EqualTo(state.InitialEvaluation));
            Assert.That(back.Own.Keys, Is.EquivalentTo(new[] { 0, 12 }));
            AssertSame(back.Global!, state.Global);
            AssertSame(back.Beside!, state.Beside);
            AssertSame(back.Own[12], state.Own[12]);
        });
    }

    [Test]
    public void A_server_that_holds_nothing_comes_back_empty()
    {
        FederationCheckpoint.Save(_folder, new ServerState { Round = 1 });
        ServerState back = FederationCheckpoint.Load(_folder, Config);
        Assert.That((back.Round, back.BaseRound, back.Global, back.Beside, back.Own.Count), Is.EqualTo((1, 0, (AdapterWeights?)null, (AdapterWeights?)null, 0)));
        Assert.That(back.InitialEvaluation, Is.Null);
    }

    [TestCase("\"round\":1", "\"round\":-1", "round: expected an integer from 0 to 2147483647, got -1")]
    [TestCase("\"base_round\":0", "\"base_round\":2", "base_round: expected an integer from 0 to 1, got 2")]
    [TestCase("null", "{\"loss\":\"x\"}", "initial_eval: expected numbers, got {\"loss\":\"x\"}")]
    [TestCase("\"global\":false", "\"global\":3", "global: expected true or false, got 3")]
    [TestCase("\"beside\":false,", "", "beside: expected true or false, got nothing")]
    [TestCase(",\"own\":[]", "", "own: expected an array of client ids, got null")]
    [TestCase("[]", "[3,3]", "own: expected each client once, got [3,3]")]
    [TestCase("\"global\":false", "\"global\":true", "global: expected")]
    public void A_broken_checkpoint_is_refused(string part, string instead, string message)
    {
        string whole = """{"round":1,"base_round":0,"initial_eval":null,"global":false,"beside":false,"own":[]}""";
        Assert.That(whole, Does.Contain(part));
        File.WriteAllText(Path.Combine(_folder, "state.json"), whole.Replace(part, instead, StringComparison.Ordinal));
        var error = Assert.Throws<InvalidInputException>(() => FederationCheckpoint.Load(_folder, Config));
        Assert.That(error.Message, Does.Contain(message));
    }

    [Test]
    public void A_damaged_state_loads_right_or_is_refused()
    {
        var state = new ServerState
        {
            Round = 3,
            Global = Adapter(1, 4, 2),
            Beside = Adapter(2, 11, 1),
            Own = new Dictionary<int, AdapterWeights> { [0] = Adapter(3, 2, 0.7f), [12] = Adapter(4, 1, 3) },
        };
        FederationCheckpoint.Save(_folder, state);
        string path = Path.Combine(_folder, "state.json");
        Mutation.OfJson(File.ReadAllText(path)).Sample(bytes =>
        {
            File.WriteAllBytes(path, bytes);
            try
            {
                ServerState back = FederationCheckpoint.Load(_folder, Config);
                Assert.That(back.Round, Is.Not.Negative);
                if (back.Global is { } global) AssertSame(global, state.Global);
                if (back.Beside is { } beside) AssertSame(beside, state.Beside);
                foreach ((int id, AdapterWeights own) in back.Own) AssertSame(own, state.Own[id]);
            }
            catch (InvalidInputException e)
            {
                Assert.That(e.Message, Does.Contain(_folder).And.Not.Contain('\n'));
            }
        }, iter: 500, threads: 1);
    }

    private static AdapterWeights Adapter(int seed, int rank, float scaling) => Adapters.Of(
        (new ModuleId(0, Projection.Query), Adapters.Factors(seed, rank, 8, 8, scaling)),
        (new ModuleId(1, Projection.Down), Adapters.Factors(seed + 50, rank + 1, 8, 12, scaling / 3)));

    private static void AssertSame(AdapterWeights got, AdapterWeights expected)
    {
        Assert.That(got.Modules.Keys, Is.EqualTo(expected.Modules.Keys));
        foreach ((ModuleId module, LoraFactors factors) in expected.Modules)
        {
            Assert.That(got.Modules[module].Scaling, Is.EqualTo(factors.Scaling));
            Assert.That(got.Modules[module].A, Is.EqualTo(factors.A));
            Assert.That(got.Modules[module].B, Is.EqualTo(factors.B));
        }
    }
}
