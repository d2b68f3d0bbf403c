using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.LayerDropping;

public sealed class DropOrderFileTests
{
    private static readonly ModelConfig Config = ModelConfigFile.Load(Fixtures.Path("models", "llama"));

    [Test]
    public void Scores_rank_all_of_both_kinds_but_the_last_attention()
    {
        double[] similarity = [0.5, 0.9, 0.7, 0.9, 0.2, 0.99];
        var scores = new LayerScores
        {
            Sublayers = [.. Sublayer.All(3).Zip(similarity, (sublayer, s) => new SublayerScore(sublayer, s, null))],
            Blocks = [.. Enumerable.Range(0, 3).Select(layer => new BlockScore(layer, 1, 0.5, null))],
            Tokens = 10,
            Samples = 1,
        };
        using var folder = new TemporaryFolder();
        LayerScoresFile.Write(folder.Root, scores);
        Assert.That(Order(folder, Config), Is.EqualTo(new[] { "mlp 2", "mlp 0", "mlp 1", "attention 1", "attention 0" }));
    }

    [Test]
    public void A_choice_is_its_ranking_with_blocks_as_one()
    {
        using var folder = new TemporaryFolder();
        folder.Write("drop.json", """{"ranking": [{"layers": [1], "kinds": ["attention", "mlp"]}, {"layers": [0, 2], "kinds": ["mlp"], "loss": 2.5}]}""");
        Assert.That(Order(folder, Config), Is.EqualTo(new[] { "attention 1, mlp 1", "mlp 0, mlp 2" }));
        ModelConfig half = Config with { Dropped = new DroppedSublayers([new Sublayer(1, SublayerKind.Attention)]) };
        Assert.That(Order(folder, half), Is.EqualTo(new[] { "mlp 1", "mlp 0, mlp 2" }), "what a block has left");
    }

    [TestCase(null, "expected scores.json or drop.json, got neither")]
    [TestCase("{}", "drop.json: ranking: expected a list of objects")]
    [TestCase("""{"ranking": [1]}""", "drop.json: ranking: expected a list of objects")]
    [TestCase("""{"ranking": [{"kinds": ["mlp"]}]}""", "drop.json: ranking[0].layers: expected layer numbers, got nothing")]
    [TestCase("""{"ranking": [{"layers": [3], "kinds": ["mlp"]}]}""", "drop.json: ranking[0].layers: expected an integer from 0 to 2")]
    [TestCase("""{"ranking": [{"layers": [1]}]}""", "drop.json: ranking[0].kinds: expected attention or mlp, got nothing")]
    [TestCase("""{"ranking": [{"layers": [1], "kinds": ["norm"]}]}""", "drop.json: ranking[0].kinds: expected attention or mlp")]
    [TestCase("""{"ranking": [{"layers": [1], "kinds": ["mlp"]}, {"layers": [1], "kinds": ["mlp"]}]}""", "drop.json: ranking[1]: expected sublayers that the model has, each once")]
    public void Anything_else_is_refused(string? json, string says)
    {
        using var folder = new TemporaryFolder();
        if (json is not null) folder.Write("drop.json", json);
        var error = Assert.Throws<InvalidInputException>(() => DropOrderFile.Read(folder.Root, Config));
        Assert.That(error.Message, Does.Contain(says));
    }

    private static IEnumerable<string> Order(TemporaryFolder folder, ModelConfig config) =>
        DropOrderFile.Read(folder.Root, config).Select(item => string.Join(", ", item));
}
