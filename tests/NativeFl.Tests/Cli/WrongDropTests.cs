using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>Drop lists, calibration sets and adapters that make no sense: exit code 2, one line that names the input, nothing written.</summary>
public sealed class WrongDropTests
{
    private FixtureCase _case = null!;
    private TemporaryFolder _folder = null!;
    private Dictionary<string, string> _names = null!;

    [SetUp]
    public void Open()
    {
        (_case, _folder) = (new FixtureCase("llama"), new TemporaryFolder());
        string model = VerbInput.ModelWithTokenizer(_case, _folder);
        File.WriteAllText(Path.Combine(model, "tokenizer_config.json"), """{"eos_token":"ff"}""");

        // Without the second block's attention and the first one's MLP; the adapter is on nothing else.
        string dropped = BrokenFolders.Copy(_case.Folder, _folder.At("dropped"));
        BrokenFolders.EditJson(Path.Combine(dropped, "config.json"), json => (json["drop_attn_list"], json["drop_mlp_list"]) = (new JsonArray(1), new JsonArray(0)));
        ModuleId module = new(1, Projection.Query);
        var factors = new LoraFactors(1, 48, 48, 1, new float[48], new float[48]);
        AdapterFolder.Save(_folder.At("adapter"), new AdapterWeights(new Dictionary<ModuleId, LoraFactors> { [module] = factors }), new AdapterSettings());
        AdapterFolder.Load(_folder.At("adapter"), _case.Config);
        _names = new Dictionary<string, string>
        {
            ["M"] = model,
            ["X"] = dropped,
            ["A"] = _folder.At("adapter"),
            ["D"] = VerbInput.Records(_case, _folder),
            ["I"] = VerbInput.Ids(_case, _folder),
            ["SHORT"] = _folder.Write("short.jsonl", """{"text":"0102030405"}"""),
            ["EMPTY"] = _folder.Write("empty.jsonl", "\n"),
            ["OUT"] = _folder.At("out"),
        };
    }

    [TearDown]
    public void Close()
    {
        _case.Dispose();
        _folder.Dispose();
    }

    [TestCase("score --model M --data SHORT --seq-len 7", "short.jsonl", "at least one sample of 7 tokens", "6 tokens")]
    [TestCase("drop --model M --data SHORT --seq-len 7 --count 1 --out OUT", "short.jsonl", "at least one sample of 7 tokens", "6 tokens")]
    [TestCase("eval --model M --data D --sweep 1 --calibration SHORT --seq-len 7 --out OUT", "short.jsonl", "at least one sample of 7 tokens", "6 tokens")]
    [TestCase("eval --model M --data D --sweep 0,2 --method greedy --calibration SHORT --out OUT", "short.jsonl", "at least one sample of 512 tokens", "6 tokens")]
    [TestCase("eval --model M --data D --sweep 1 --calibration EMPTY --out OUT", "empty.jsonl", "at least one record", "an empty file")]
    [TestCase("drop --model M --method last --count 1 --patch linear --patch-data SHORT --seq-len 7 --out OUT", "short.jsonl", "at least one sample of 7 tokens", "6 tokens")]
    [TestCase("drop --model M --data D --samples 2 --count 1 --patch linear --patch-data SHORT --out OUT", "short.jsonl", "at least one sample of 512 tokens", "6 tokens")]
    [TestCase("score --model M --data EMPTY", "empty.jsonl", "at least one record", "an empty file")]
    [TestCase("score --model M --data D --seq-len 513", "--seq-len", "at most 512, the model's positions", "513")]
    [TestCase("score --model M --data D --seq-len 1", "--seq-len", "'1'")]
    [TestCase("score --model M --data D --samples 0", "--samples", "'0'")]
    [TestCase("score --model M", "--data")]
    [TestCase("drop --model X --count 2 --method last --out OUT", "--count", "0 to 1 layers", "2")]
    [TestCase("drop --model X --count 3 --granularity block --method last --out OUT", "--count", "0 to 2 blocks", "3")]
    [TestCase("drop --model X --count 4 --granularity joint --method last --out OUT", "--count", "0 to 3 sublayers", "4")]
    [TestCase("drop --model X --count 1 --data D --keep-weights --out OUT", "--keep-weights", "attention 1")]
    [TestCase("drop --model X --count 1 --out OUT", "--data", "neither")]
    [TestCase("drop --model X --out OUT", "--count")]
    [TestCase("drop --model M --count 1 --granularity heads --data D --out OUT", "--granularity", "'heads'")]
    [TestCase("drop --model M --count -1 --data D --out OUT", "--count", "'-1'")]
    [TestCase("train --model X --data D --target-modules model.layers.1.self_attn.q_proj --out OUT", "--target-modules", "at least one projection of the model", "layers.1")]
    [TestCase("train --model X --data D --init-adapter A --out OUT", "target_modules", "at least one layer of the model")]
    [TestCase("federate --model X --data D --clients 2 --target-modules model.layers.0.mlp.up_proj --out OUT", "--target-modules", "layers.0")]
    [TestCase("eval --model X --data D --adapter A", "target_modules", "at least one layer of the model")]
    [TestCase("logits --model X --ids I --adapter A --out OUT", "target_modules")]
    [TestCase("generate --model X --ids I --adapter A", "target_modules")]
    [TestCase("merge --model X --adapter A --out OUT", "target_modules")]
    [TestCase("aggregate --model X --adapters A --out OUT", "target_modules")]
    public void It_is_refused(string line, params string[] says) => Refused(line, says);

    [TestCase("[true,false]", "[]", "drop_attn_list", "3 booleans", "2")]
    [TestCase("[1,1]", "[]", "drop_attn_list", "each layer once", "1 twice")]
    [TestCase("[3]", "[]", "drop_attn_list", "0 to 2", "3")]
    [TestCase("[-1]", "[]", "drop_attn_list", "0 to 2", "-1")]
    [TestCase("[0,true]", "[]", "drop_attn_list", "true")]
    [TestCase("\"all\"", "[]", "drop_attn_list", "a list")]
    [TestCase("[0,1,2]", "[]", "drop_attn_list", "at least one attention layer")]
    [TestCase("[true,true,true]", "[]", "drop_attn_list", "at least one attention layer")]
    [TestCase("[0]", "[false,true,false]", "drop_mlp_list", "layer numbers", "booleans")]
    public void Lists_that_make_no_model_are_refused_by_name(string attention, string mlp, params string[] says)
    {
        BrokenFolders.EditJson(
            Path.Combine(_names["X"], "config.json"), json => (json["drop_attn_list"], json["drop_mlp_list"]) = (JsonNode.Parse(attention), JsonNode.Parse(mlp)));
        foreach (string line in new[] { "eval --model X --data D", "score --model X --data D", "drop --model X --data D --count 1 --out OUT" })
            Refused(line, ["config.json", .. says]);
    }

    [Test]
    public void A_checkpoint_without_a_weight_that_it_should_have_is_refused_by_name()
    {
        CliRun.Json("drop", "--model", _names["X"], "--count", "0", "--method", "first", "--out", _folder.At("small"));
        BrokenFolders.EditJson(_folder.At("small", "config.json"), json => json.Remove("drop_attn_list"));
        _names["S"] = _folder.At("small");
        foreach (string line in new[] { "eval --model S --data D", "score --model S --data D", "drop --model S --data D --count 1 --out OUT" })
            Refused(line, "model.safetensors", "model.layers.1.input_layernorm.weight", "no such tensor");
    }

    [Test]
    public void Scores_of_another_model_are_refused()
    {
        CliRun.Json("score", "--model", _case.Folder, "--data", _names["D"], "--out", _folder.At("scores"));
        _names["S"] = _folder.At("scores");
        Refused("drop --model X --count 1 --scores S --out OUT", "scores.json", "the 4 sublayers of the model", "6 sublayers");
    }

    private void Refused(string line, params string[] says)
    {
        string[] before = _folder.Contents;
        CliRun.Fails(2, says, [.. line.Split(' ').Select(word => _names.GetValueOrDefault(word, word))]);
        Assert.That(_folder.Contents, Is.EqualTo(before));
    }
}
