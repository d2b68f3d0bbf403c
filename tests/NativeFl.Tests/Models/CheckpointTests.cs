using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.Models;

public sealed class CheckpointTests
{
    private const string Index = Checkpoint.IndexFile, First = "model-00001-of-00002.safetensors", Second = "model-00002-of-00002.safetensors";

    [TestCaseSource(typeof(ModelFixture), nameof(ModelFixture.Names))]
    public void A_fixture_model_has_every_tensor_of_its_config(string name)
    {
        using Checkpoint checkpoint = Checkpoint.Open(ModelFixture.Folder(name));
        checkpoint.Validate();
        DType expected = name.EndsWith("bf16", StringComparison.Ordinal) ? DType.BF16 : name.EndsWith("f16", StringComparison.Ordinal) ? DType.F16 : DType.F32;
        Assert.That(checkpoint.StorageType, Is.EqualTo(expected));
        Assert.That(Checkpoint.ExpectedTensors(checkpoint.Config).Select(t => t.Name), Is.EquivalentTo(checkpoint.Names));
    }

    [Test]
    public void Rows_are_read_from_whichever_shard_has_them()
    {
        using Checkpoint checkpoint = Checkpoint.Open(ModelFixture.Folder("llama-sharded-f16"));
        using SafetensorsFile second = SafetensorsFile.Open(ModelFixture.Folder("llama-sharded-f16", Second));
        string name = second.Entries.Values.First(e => e.Shape.Length == 2).Name;
        int columns = (int)second.Entries[name].Shape[1];
        float[] rows = new float[2 * columns], expected = new float[2 * columns];
        checkpoint.Read(name, 3, columns, rows);
        ReadOnlySpan<byte> bytes = second.Bytes(name, 3 * columns * 2, rows.Length * 2);
        for (int i = 0; i < rows.Length; i++) expected[i] = (float)BitConverter.ToHalf(bytes[(2 * i)..]);
        Assert.That(rows, Is.EqualTo(expected));
        Assert.That(rows, Is.Not.All.Zero);
    }

    [Test]
    public void A_folder_without_weights_is_refused()
    {
        using TemporaryFolder folder = new();
        File.Copy(ModelFixture.Folder("llama", "config.json"), folder.At("config.json"));
        Assert.That(() => Checkpoint.Open(folder.Root), SafetensorsFileTests.Refused(folder.Root, Checkpoint.SingleFile, "neither"));
        folder.Write("pytorch_model.bin", "x");
        Assert.That(() => Checkpoint.Open(folder.Root), SafetensorsFileTests.Refused(folder.Root, Checkpoint.SingleFile, "pickled pytorch_model.bin"));
    }

    [TestCase("num_hidden_layers", 4, "model.layers.3.input_layernorm.weight", "no such tensor")]
    [TestCase("num_hidden_layers", 9999, "model.layers.3.input_layernorm.weight", "no such tensor")]
    [TestCase("vocab_size", 257, "model.embed_tokens.weight", "[257, 48]", "[256, 48]")]
    [TestCase("hidden_size", 96, "model.embed_tokens.weight", "[256, 96]", "[256, 48]")]
    [TestCase("intermediate_size", 113, "model.layers.0.mlp.gate_proj.weight", "[113, 48]", "[112, 48]")]
    [TestCase("num_key_value_heads", 3, "model.layers.0.self_attn.k_proj.weight", "[24, 48]", "[16, 48]")]
    [TestCase("attention_bias", true, "model.layers.0.self_attn.q_proj.bias", "no such tensor")]
    public void A_config_that_does_not_fit_the_weights_is_refused(string field, object value, params string[] fragments)
    {
        using TemporaryFolder folder = new();
        ModelFixture.Copy(ModelFixture.Folder("llama"), folder.At("m"));
        string path = Path.Combine(folder.At("m"), "config.json");
        JsonObject config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config[field] = value is int number ? number : (JsonNode)(bool)value;
        File.WriteAllText(path, config.ToJsonString());
        using Checkpoint checkpoint = Checkpoint.Open(folder.At("m"));
        Assert.That(checkpoint.Validate, SafetensorsFileTests.Refused([Checkpoint.SingleFile, .. fragments]));
    }

    [Test]
    public void A_tied_head_need_not_be_there_but_an_untied_one_must()
    {
        using TemporaryFolder folder = new();
        ModelFixture.Copy(ModelFixture.Folder("llama3-rope"), folder.At("m"));
        string path = Path.Combine(folder.At("m"), "config.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", StringComparison.Ordinal));
        using Checkpoint checkpoint = Checkpoint.Open(folder.At("m"));
        Assert.That(checkpoint.Validate, SafetensorsFileTests.Refused("lm_head.weight", "no such tensor"));
    }

    [Test]
    public void Weights_that_are_integers_are_refused()
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama"));
        using TemporaryFolder folder = new();
        File.Copy(ModelFixture.Folder("llama", "config.json"), folder.At("config.json"));
        SafetensorsDeclaration[] tensors = [.. Checkpoint.ExpectedTensors(config).Select(t => new SafetensorsDeclaration(t.Name, "I32", t.Shape))];
        using (SafetensorsWriter writer = SafetensorsWriter.Create(folder.At(Checkpoint.SingleFile), tensors))
        {
            foreach (SafetensorsDeclaration tensor in tensors) writer.WriteInt64(new long[tensor.Shape.Aggregate(1L, (a, b) => a * b)]);
            writer.Complete();
        }

        using Checkpoint checkpoint = Checkpoint.Open(folder.Root);
        Assert.That(checkpoint.Validate, SafetensorsFileTests.Refused("model.embed_tokens.weight", "F32, BF16, F16 or F64", "I32"));
    }

    [TestCase("../outside.safetensors")]
    [TestCase("..")]
    [TestCase(".")]
    [TestCase("")]
    [TestCase("sub/model.safetensors")]
    [TestCase("sub\\model.safetensors")]
    [TestCase("/etc/hostname")]
    [TestCase("C:model.safetensors")]
    [TestCase("a\nb")]
    public void An_index_that_names_a_file_outside_the_folder_is_refused(string file)
    {
        using TemporaryFolder folder = Sharded(map => map["model.norm.weight"] = file);
        File.Copy(Path.Combine(folder.At("m"), Second), folder.At("outside.safetensors"));
        Assert.That(() => Checkpoint.Open(folder.At("m")), SafetensorsFileTests.Refused(Index, "weight_map", "file names inside the folder"));
    }

    [TestCase("../outside.safetensors")]
    [TestCase("missing-target.safetensors")]
    public void A_shard_that_is_a_link_out_of_the_folder_is_refused(string target)
    {
        using TemporaryFolder folder = Sharded(_ => { });
        string shard = Path.Combine(folder.At("m"), Second);
        File.Move(shard, folder.At("outside.safetensors"));
        File.CreateSymbolicLink(shard, target);
        Assert.That(() => Checkpoint.Open(folder.At("m")), SafetensorsFileTests.Refused(folder.Root));
    }

    [Test]
    public void A_link_through_another_folder_leads_to_what_was_checked()
    {
        // "sub/../x" is "x" to a careless reader, but the system follows sub first.
        using TemporaryFolder folder = Sharded(_ => { });
        string shard = Path.Combine(folder.At("m"), Second);
        Directory.CreateDirectory(folder.At("elsewhere/deep"));
        File.Move(shard, folder.At("elsewhere/x"));
        Directory.CreateSymbolicLink(Path.Combine(folder.At("m"), "sub"), folder.At("elsewhere/deep"));
        File.CreateSymbolicLink(shard, "sub/../x");
        Assert.That(() => Checkpoint.Open(folder.At("m")), SafetensorsFileTests.Refused(folder.Root));
    }

    [Test]
    public void Links_inside_the_folder_and_into_the_cache_of_the_same_model_are_followed()
    {
        using TemporaryFolder folder = Sharded(_ => { });
        string snapshot = folder.At("hub/snapshots/abc");
        Directory.CreateDirectory(folder.At("hub/snapshots"));
        Directory.CreateDirectory(folder.At("hub/blobs"));
        Directory.Move(folder.At("m"), snapshot);
        File.Move(Path.Combine(snapshot, Second), folder.At("hub/blobs/0123"));
        File.CreateSymbolicLink(Path.Combine(snapshot, Second), "../../blobs/0123");
        File.Move(Path.Combine(snapshot, First), Path.Combine(snapshot, "first"));
        File.CreateSymbolicLink(Path.Combine(snapshot, First), "first");
        Directory.CreateSymbolicLink(folder.At("link"), snapshot);
        foreach (string path in (string[])[snapshot, folder.At("link"), folder.At("link") + "/"])
        {
            using Checkpoint checkpoint = Checkpoint.Open(path);
            checkpoint.Validate();
            Assert.That(checkpoint.Names.Count(), Is.GreaterThan(10));
        }
    }

    [Test]
    public void A_missing_shard_is_refused()
    {
        using TemporaryFolder folder = Sharded(_ => { });
        File.Delete(Path.Combine(folder.At("m"), Second));
        Assert.That(() => Checkpoint.Open(folder.At("m")), SafetensorsFileTests.Refused(Second, "no such file"));
    }

    [Test]
    public void A_listed_tensor_that_its_shard_lacks_is_refused()
    {
        using TemporaryFolder folder = Sharded(map => map["model.extra.weight"] = First);
        Assert.That(() => Checkpoint.Open(folder.At("m")), SafetensorsFileTests.Refused(First, "model.extra.weight", "no such tensor"));
    }

    [Test]
    public void A_tensor_that_no_shard_is_listed_for_is_missing()
    {
        using TemporaryFolder folder = Sharded(map => map.Remove("model.norm.weight"), keepTotal: false);
        using Checkpoint checkpoint = Checkpoint.Open(folder.At("m"));
        Assert.That(checkpoint.Validate, SafetensorsFileTests.Refused(Index, "model.norm.weight", "no such tensor"));
    }

    [Test]
    public void A_tensor_in_two_shards_is_refused()
    {
        using TemporaryFolder folder = Sharded(map => map["model.norm.weight"] = "copy.safetensors");
        File.Copy(Path.Combine(folder.At("m"), Second), Path.Combine(folder.At("m"), "copy.safetensors"));
        Assert.That(() => Checkpoint.Open(folder.At("m")), SafetensorsFileTests.Refused("model.norm.weight", "each tensor in one shard", "in both"));
    }

    [Test]
    public void An_index_whose_parts_have_the_wrong_kind_is_refused()
    {
        using TemporaryFolder folder = Sharded(map => map["model.norm.weight"] = 7);
        Assert.That(() => Checkpoint.Open(folder.At("m")), SafetensorsFileTests.Refused(Index, "model.norm.weight", "a file name", "7"));
        File.WriteAllText(Path.Combine(folder.At("m"), Index), "{}");
        Assert.That(() => Checkpoint.Open(folder.At("m")), SafetensorsFileTests.Refused(Index, "weight_map", "nothing"));
        File.WriteAllText(Path.Combine(folder.At("m"), Index), """{"weight_map":{"a":"x","a":"y"}}""");
        Assert.That(() => Checkpoint.Open(folder.At("m")), SafetensorsFileTests.Refused(Index));
    }

    [TestCase(1)]
    [TestCase(-1)]
    public void A_total_size_that_the_shards_contradict_is_refused(int difference)
    {
        using TemporaryFolder folder = Sharded(_ => { });
        string path = Path.Combine(folder.At("m"), Index);
        JsonObject index = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        long real = (long)index["metadata"]!["total_size"]!;
        index["metadata"]!["total_size"] = real + difference;
        File.WriteAllText(path, index.ToJsonString());
        Assert.That(() => Checkpoint.Open(folder.At("m")), SafetensorsFileTests.Refused(Index, "total_size", $"expected {real}", $"got {real + difference}"));
    }

    // The sharded fixture in "m" with a changed weight_map.
    private static TemporaryFolder Sharded(Action<JsonObject> change, bool keepTotal = true)
    {
        TemporaryFolder folder = new();
        ModelFixture.Copy(ModelFixture.Folder("llama-sharded-f16"), folder.At("m"));
        string path = Path.Combine(folder.At("m"), Index);
        JsonObject index = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(index["weight_map"]!.AsObject());
        if (!keepTotal) index.Remove("metadata");
        File.WriteAllText(path, index.ToJsonString());
        return folder;
    }
}
