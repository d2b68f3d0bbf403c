using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.Federation;

/// <summary>Who goes without what, from a file, and in which order layers can go.</summary>
public sealed class ClientDropsFileTests
{
    private static readonly ModelConfig Config = ModelConfigFile.Load(Fixtures.Path("models", "llama"));

    [Test]
    public void Lists_are_booleans_or_layers_and_who_is_not_named_is_whole()
    {
        IReadOnlyDictionary<int, DroppedSublayers> drops = Read(
            """{"2": {"drop_attn_list": [2, 0], "drop_mlp_list": [1]}, "0": {"drop_mlp_list": [false, true, false]}, "1": {}}""", Config);
        Assert.That(drops.Keys, Is.EqualTo(new[] { 0, 1, 2 }));
        Assert.That(drops.Values.Select(d => d.ToString()), Is.EqualTo(new[] { "mlp 1", "none", "attention 0, mlp 1, attention 2" }));
    }

    [Test]
    public void What_the_base_lacks_already_may_be_named_again_and_counts_once()
    {
        ModelConfig dropped = Config.Without(DepthCases.Drops("a0"));
        Assert.That(Read("""{"0": {"drop_attn_list": [0, 2]}}""", dropped)[0].ToString(), Is.EqualTo("attention 2"));
        var error = Assert.Throws<InvalidInputException>(() => Read("""{"0": {"drop_attn_list": [1, 2]}}""", dropped));
        Assert.That(error.Message, Does.EndWith("drops.json: client 0: drop_attn_list: expected at least one attention layer kept, got all of them dropped"));
    }

    [TestCase("""{"3": {}}""", "drops.json: expected clients from 0 to 2, got \"3\"")]
    [TestCase("""{"-1": {}}""", "clients from 0 to 2, got \"-1\"")]
    [TestCase("""{"01": {}}""", "clients from 0 to 2, got \"01\"")]
    [TestCase("""{"all": {}}""", "clients from 0 to 2, got \"all\"")]
    [TestCase("""{"1": [2]}""", "client 1: expected an object with drop_attn_list and drop_mlp_list, got [2]")]
    [TestCase("""{"1": null}""", "client 1: expected an object with drop_attn_list and drop_mlp_list, got null")]
    [TestCase("""{"1": {"drop_attention_list": [2]}}""", "client 1: expected only drop_attn_list and drop_mlp_list, got \"drop_attention_list\"")]
    [TestCase("""{"1": {"drop_attn_list": [true, false]}}""", "client 1: drop_attn_list: expected 3 booleans, one a layer, got 2")]
    [TestCase("""{"1": {"drop_attn_list": [3]}}""", "client 1: drop_attn_list: expected an integer from 0 to 2")]
    [TestCase("""{"1": {"drop_mlp_list": [-1]}}""", "client 1: drop_mlp_list: expected an integer from 0 to 2")]
    [TestCase("""{"1": {"drop_mlp_list": [1, 1]}}""", "client 1: drop_mlp_list: expected each layer once, got 1 twice")]
    [TestCase("""{"1": {"drop_mlp_list": [1, true]}}""", "client 1: drop_mlp_list: expected an integer from 0 to 2")]
    [TestCase("""{"1": {"drop_mlp_list": "1"}}""", "client 1: drop_mlp_list: expected a list of booleans or of layer numbers")]
    [TestCase("""{"1": {"drop_attn_list": [0, 1, 2]}}""", "client 1: drop_attn_list: expected at least one attention layer kept, got all of them dropped")]
    [TestCase("""{"1": {}, "1": {}}""", "drops.json: expected a JSON object")]
    [TestCase("""[{"drop_attn_list": [1]}]""", "drops.json: expected a JSON object, got a JSON array")]
    [TestCase("drop 1", "drops.json: expected a JSON object")]
    public void Anything_else_is_refused_with_its_place(string json, string says)
    {
        var error = Assert.Throws<InvalidInputException>(() => Read(json, Config));
        Assert.That(error.Message, Does.Contain(says));
    }

    private static IReadOnlyDictionary<int, DroppedSublayers> Read(string json, ModelConfig config)
    {
        using var folder = new TemporaryFolder();
        return ClientDropsFile.Read(folder.Write("drops.json", json), config, clients: 3);
    }
}
