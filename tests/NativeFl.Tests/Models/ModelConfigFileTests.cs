using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.Models;

public sealed class ModelConfigFileTests
{
    private const string Llama =
        """{"model_type":"llama","hidden_size":48,"intermediate_size":112,"num_hidden_layers":3,"num_attention_heads":6,"num_key_value_heads":2,"vocab_size":256,"x_unknown":{"kept":[1,null]}}""";

    [Test]
    public void Missing_fields_take_the_defaults_of_the_family()
    {
        ModelConfig config = ModelConfigFile.Parse(Llama, "config.json");
        Assert.Multiple(() =>
        {
            Assert.That(config.HeadWidth, Is.EqualTo(8));
            Assert.That((config.NormEpsilon, config.RopeTheta, config.RopeScaling), Is.EqualTo((1e-6f, 10000d, (RopeScaling?)null)));
            Assert.That((config.MaxPositions, config.SlidingWindow, config.TieWordEmbeddings), Is.EqualTo((2048, 0, false)));
            Assert.That((config.HasQkvBias, config.HasOutputBias, config.HasMlpBias, config.HasQkNorm), Is.EqualTo((false, false, false, false)));
            Assert.That((config.BosTokenId, config.EosTokenIds.Count), Is.EqualTo(((int?)null, 0)));
            Assert.That(Parse("num_key_value_heads", "null").KvHeads, Is.EqualTo(6));
            Assert.That(Parse("model_type", "\"qwen3\"").HeadWidth, Is.EqualTo(128));
            Assert.That(Parse("model_type", "\"mistral\"").SlidingWindow, Is.EqualTo(4096));
        });
    }

    [Test]
    public void Biases_and_norms_follow_the_family()
    {
        static (bool, bool, bool, bool) Flags(string family, string json)
        {
            ModelConfig config = ModelConfigFile.Parse(json.Replace("llama", family, StringComparison.Ordinal), "c");
            return (config.HasQkvBias, config.HasOutputBias, config.HasMlpBias, config.HasQkNorm);
        }

        string biased = Llama.Replace("}}", "},\"attention_bias\":true,\"mlp_bias\":true}", StringComparison.Ordinal);
        Assert.Multiple(() =>
        {
            Assert.That(Flags("llama", biased), Is.EqualTo((true, true, true, false)));
            Assert.That(Flags("mistral", biased), Is.EqualTo((false, false, false, false)));
            Assert.That(Flags("qwen2", biased), Is.EqualTo((true, false, false, false)));
            Assert.That(Flags("qwen2", Llama), Is.EqualTo((true, false, false, false)));
            Assert.That(Flags("qwen3", biased), Is.EqualTo((true, true, false, true)));
            Assert.That(Flags("qwen3", Llama), Is.EqualTo((false, false, false, true)));
        });
    }

    [TestCase("mistral", "\"sliding_window\":5", 5, "0,1,2")]
    [TestCase("mistral", "\"sliding_window\":null", 0, "0,1,2")]
    [TestCase("llama", "\"sliding_window\":5", 0, "0,1,2")]
    [TestCase("qwen2", "\"sliding_window\":5", 0, "")]
    [TestCase("qwen2", "\"sliding_window\":5,\"use_sliding_window\":true,\"max_window_layers\":1", 5, "1,2")]
    [TestCase("qwen3", "\"sliding_window\":5,\"use_sliding_window\":true", 5, "")]
    [TestCase("qwen3", "\"sliding_window\":5,\"use_sliding_window\":true,\"layer_types\":[\"sliding_attention\",\"full_attention\",\"sliding_attention\"]", 5, "0,2")]
    public void The_sliding_window_is_where_the_family_puts_it(string family, string fields, int window, string layers)
    {
        ModelConfig config = ModelConfigFile.Parse(Llama.Replace("llama", family, StringComparison.Ordinal)[..^1] + "," + fields + "}", "c");
        Assert.That(config.SlidingWindow, Is.EqualTo(window));
        Assert.That(string.Join(',', Enumerable.Range(0, 3).Where(config.UsesSlidingWindow)), Is.EqualTo(layers));
    }

    [TestCase("\"rope_scaling\":null,\"rope_theta\":5e5", 5e5, null)]
    [TestCase("\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.5}", 1e4, "linear 2.5 1 4 8192")]
    [TestCase("\"rope_scaling\":{\"rope_type\":\"default\"}", 1e4, null)]
    [TestCase("\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":2,\"high_freq_factor\":5,\"original_max_position_embeddings\":32}", 1e4, "llama3 8 2 5 32")]
    [TestCase("\"rope_theta\":7,\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":1e6}", 1e6, null)]
    [TestCase("\"rope_parameters\":{\"rope_type\":\"linear\",\"rope_theta\":1e6,\"factor\":4}", 1e6, "linear 4 1 4 8192")]
    public void Rope_is_read_in_the_old_spelling_and_the_new(string fields, double theta, string? scaling)
    {
        ModelConfig config = ModelConfigFile.Parse(Llama[..^1] + "," + fields + "}", "c");
        RopeScaling? s = config.RopeScaling;
        Assert.That(config.RopeTheta, Is.EqualTo(theta));
        Assert.That(s is null ? null : string.Create(CultureInfo.InvariantCulture, $"{s.Kind} {s.Factor} {s.LowFrequencyFactor} {s.HighFrequencyFactor} {s.OriginalMaxPositions}"), Is.EqualTo(scaling));
    }

    [TestCase("model_type", "null", "llama, mistral, qwen2, qwen3", "nothing")]
    [TestCase("model_type", "\"gpt2\"", "llama, mistral, qwen2, qwen3", "gpt2")]
    [TestCase("model_type", "7", "a string", "7")]
    [TestCase("hidden_size", "0", "integer from 1", "0")]
    [TestCase("hidden_size", "-48", "integer from 1", "-48")]
    [TestCase("hidden_size", "48.5", "integer from 1", "48.5")]
    [TestCase("hidden_size", "\"48\"", "integer from 1", "\"48\"")]
    [TestCase("hidden_size", "1e99", "integer from 1", "1e99")]
    [TestCase("hidden_size", "9223372036854775808", "integer from 1", "9223372036854775808")]
    [TestCase("hidden_size", "null", "integer from 1", "nothing")]
    [TestCase("hidden_size", "49", "multiple of the 6 attention heads", "49")]
    [TestCase("hidden_size", "18", "even head width", "3")]
    [TestCase("head_dim", "7", "even head width", "7")]
    [TestCase("head_dim", "0", "integer from 1", "0")]
    [TestCase("head_dim", "4194304", "heads times head width", "6 times 4194304")]
    [TestCase("intermediate_size", "0", "integer from 1", "0")]
    [TestCase("intermediate_size", "2147483647", "integer from 1 to 4194304", "2147483647")]
    [TestCase("num_hidden_layers", "0", "integer from 1", "0")]
    [TestCase("num_hidden_layers", "1000000000", "integer from 1 to 10000", "1000000000")]
    [TestCase("num_attention_heads", "0", "integer from 1", "0")]
    [TestCase("num_key_value_heads", "4", "a divisor of the 6", "4")]
    [TestCase("num_key_value_heads", "-2", "integer from 1", "-2")]
    [TestCase("vocab_size", "-1", "integer from 1", "-1")]
    [TestCase("rms_norm_eps", "0", "a positive number", "0")]
    [TestCase("rms_norm_eps", "1e-300", "that f32 can hold", "1e-300")]
    [TestCase("rms_norm_eps", "1e999", "a finite number", "1e999")]
    [TestCase("rope_theta", "-1", "a positive number", "-1")]
    [TestCase("rope_scaling", "[]", "an object", "[]")]
    [TestCase("rope_scaling", "{\"factor\":2}", "default, linear or llama3", "nothing", ".rope_type")]
    [TestCase("rope_scaling", "{\"type\":\"yarn\",\"factor\":2}", "default, linear or llama3", "yarn", ".type")]
    [TestCase("rope_scaling", "{\"rope_type\":\"longrope\"}", "default, linear or llama3", "longrope", ".rope_type")]
    [TestCase("rope_scaling", "{\"rope_type\":\"dynamic\",\"factor\":2}", "default, linear or llama3", "dynamic", ".rope_type")]
    [TestCase("rope_scaling", "{\"rope_type\":\"linear\"}", "a positive number", "nothing", ".factor")]
    [TestCase("rope_scaling", "{\"rope_type\":\"linear\",\"factor\":-2}", "a positive number", "-2", ".factor")]
    [TestCase("rope_scaling", "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":4}", "more than low_freq_factor", "4", ".high_freq_factor")]
    [TestCase("rope_parameters", "{\"full_attention\":{\"rope_type\":\"default\"}}", "one set of parameters", "full_attention")]
    [TestCase("partial_rotary_factor", "0.5", "1", "0.5")]
    [TestCase("hidden_act", "\"gelu\"", "silu", "gelu")]
    [TestCase("quantization_config", "{\"bits\":4}", "f32, f16 or bf16", "quantised")]
    [TestCase("tie_word_embeddings", "1", "true or false", "1")]
    [TestCase("attention_bias", "\"no\"", "true or false", "no")]
    [TestCase("bos_token_id", "256", "integer from 0 to 255", "256")]
    [TestCase("eos_token_id", "-1", "integer from 0 to 255", "-1")]
    [TestCase("eos_token_id", "[1,\"2\"]", "integer from 0 to 255", "2")]
    [TestCase("max_position_embeddings", "0", "integer from 1", "0")]
    [TestCase("drop_attn_list", "[0,1,2]", "at least one attention layer kept", "all of them dropped")]
    [TestCase("drop_attn_list", "[true,false]", "3 booleans, one a layer", "2")]
    [TestCase("drop_mlp_list", "[1,1]", "each layer once", "1 twice")]
    [TestCase("drop_mlp_list", "[3]", "an integer from 0 to 2", "3")]
    [TestCase("drop_mlp_list", "[0,true]", "an integer from 0 to 2", "true")]
    [TestCase("drop_mlp_list", "[-1]", "an integer from 0 to 2", "-1")]
    [TestCase("drop_mlp_list", "[0.5]", "an integer from 0 to 2", "0.5")]
    [TestCase("drop_mlp_list", "[true,false,null]", "an integer from 0 to 2", "true")]
    [TestCase("drop_mlp_list", "[false,false,false,false]", "3 booleans, one a layer", "4")]
    [TestCase("drop_mlp_list", "7", "a list of booleans or of layer numbers", "7")]
    [TestCase("drop_mlp_list", "{\"0\":true}", "a list of booleans or of layer numbers", "{\"0\":true}")]
    [TestCase("drop_mlp_list", "[1],\"drop_attn_list\":[true,false,false]", "a list of booleans, as drop_attn_list is one", "one of layer numbers")]
    [TestCase("drop_mlp_list", "[true,false,false],\"drop_attn_list\":[1]", "a list of layer numbers, as drop_attn_list is one", "one of booleans")]
    public void A_config_that_makes_no_model_is_refused(string field, string value, string expected, string got, string suffix = "") =>
        Assert.That(() => Parse(field, value), SafetensorsFileTests.Refused($"bad.json: {field}{suffix}: expected", expected, got));

    [TestCase("\"layer_types\":[\"full_attention\"]", "3 entries", "1")]
    [TestCase("\"layer_types\":[\"full_attention\",\"chunked\",\"full_attention\"]", "full_attention or sliding_attention", "chunked")]
    [TestCase("\"layer_types\":[1,2,3]", "a list of strings", "1")]
    [TestCase("\"layer_types\":[\"full_attention\",\"sliding_attention\",\"full_attention\"]", "full_attention only", "sliding_attention")]
    public void Layer_types_that_make_no_sense_are_refused(string fields, string expected, string got) => Assert.That(
        () => ModelConfigFile.Parse(Llama.Replace("llama", "qwen2", StringComparison.Ordinal)[..^1] + "," + fields + "}", "bad.json"),
        SafetensorsFileTests.Refused("bad.json: layer_types", expected, got));

    [TestCase("", "a JSON object")]
    [TestCase("[]", "a JSON object")]
    [TestCase("{", "a JSON object")]
    [TestCase("{\"model_type\":\"llama\",\"model_type\":\"llama\"}", "a JSON object")]
    [TestCase("{\"a\":\"\\ud800\"}", "UTF-8")]
    [TestCase("{\"a\":NaN}", "a JSON object")]
    public void Text_that_is_no_JSON_object_is_refused(string json, string expected)
    {
        Assert.That(() => ModelConfigFile.Parse(json, "bad.json"), SafetensorsFileTests.Refused("bad.json", expected));
        string deep = string.Concat(Enumerable.Repeat("{\"a\":", 10_000)) + "1" + new string('}', 10_000);
        Assert.That(() => ModelConfigFile.Parse(deep, "bad.json"), SafetensorsFileTests.Refused("bad.json"));
    }

    [Test]
    public void A_folder_without_a_readable_config_is_refused()
    {
        using TemporaryFolder folder = new();
        Assert.That(() => ModelConfigFile.Load(folder.At("none")), SafetensorsFileTests.Refused(folder.At("none"), "no such folder"));
        Assert.That(() => ModelConfigFile.Load(folder.Root), SafetensorsFileTests.Refused(folder.At("config.json"), "no such file"));
        folder.Write("config.json", [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]);
        Assert.That(() => ModelConfigFile.Load(folder.Root), SafetensorsFileTests.Refused(folder.At("config.json"), "JSON"));
        using (FileStream stream = new(folder.At("config.json"), FileMode.Open)) stream.SetLength(1L << 33);
        Assert.That(() => ModelConfigFile.Load(folder.Root), SafetensorsFileTests.Refused(folder.At("config.json"), "at most", "8589934592 bytes"));
    }

    [Test]
    public void A_generation_config_decides_where_generation_ends()
    {
        using TemporaryFolder folder = new();
        folder.Write("config.json", Llama);
        folder.Write("generation_config.json", """{"eos_token_id":[7,8]}""");
        Assert.That(ModelConfigFile.Load(folder.Root).EosTokenIds, Is.EqualTo(new[] { 7, 8 }));
        folder.Write("generation_config.json", """{"eos_token_id":900}""");
        Assert.That(() => ModelConfigFile.Load(folder.Root), SafetensorsFileTests.Refused(folder.At("generation_config.json"), "eos_token_id", "900"));
    }

    [Test]
    public void Saving_keeps_unknown_keys_and_brings_the_others_up_to_date()
    {
        ModelConfig config = ModelConfigFile.Parse(Llama, "c") with { LayerCount = 2, TieWordEmbeddings = true, NormEpsilon = 1e-5f };
        JsonObject json = ModelConfigFile.ToJson(config, DType.BF16);
        ModelConfig again = ModelConfigFile.Parse(json.ToJsonString(), "c");
        JsonObject newer = json.DeepClone().AsObject();
        newer.Remove("torch_dtype");
        newer["dtype"] = "bfloat16";
        JsonObject newerAgain = ModelConfigFile.ToJson(again with { Json = newer }, DType.F16);
        Assert.Multiple(() =>
        {
            Assert.That(json["x_unknown"]!.ToJsonString(), Is.EqualTo("""{"kept":[1,null]}"""));
            Assert.That(json["torch_dtype"]!.GetValue<string>(), Is.EqualTo("bfloat16"));
            Assert.That(json["rms_norm_eps"]!.ToJsonString(), Is.EqualTo("1E-05"));
            Assert.That((again.LayerCount, again.TieWordEmbeddings, again.NormEpsilon), Is.EqualTo((2, true, 1e-5f)));
            Assert.That(newerAgain["dtype"]!.GetValue<string>(), Is.EqualTo("float16"));
            Assert.That(newerAgain.ContainsKey("torch_dtype"), Is.False);
        });
    }

    [TestCaseSource(typeof(ModelFixture), nameof(ModelFixture.Names))]
    public void A_config_without_its_file_is_written_as_its_family_spells_it(string name)
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder(name));
        ModelConfig again = ModelConfigFile.Parse(ModelConfigFile.ToJson(config with { Json = [] }, DType.F32).ToJsonString(), "c");
        bool[] windows = [.. Enumerable.Range(0, config.LayerCount).Select(layer => config.SlidingWindow > 0 && config.UsesSlidingWindow(layer))];
        Assert.That(Enumerable.Range(0, config.LayerCount).Select(layer => again.SlidingWindow > 0 && again.UsesSlidingWindow(layer)), Is.EqualTo(windows));
        Assert.That(again.EosTokenIds, Is.EqualTo(config.EosTokenIds));
        Assert.That(
            again with { Json = config.Json, EosTokenIds = config.EosTokenIds, UsesSlidingWindow = config.UsesSlidingWindow }, Is.EqualTo(config));
    }

    [Test]
    public void A_config_that_its_family_cannot_have_is_not_written() => Assert.That(
        () => ModelConfigFile.ToJson(ModelConfigFile.Parse(Llama, "c") with { HasQkNorm = true }, DType.F32), Throws.ArgumentException);

    [Test]
    public void Random_changes_of_a_good_config_are_refused_or_read()
    {
        byte[] good = File.ReadAllBytes(ModelFixture.Folder("llama3-rope", "config.json"));
        Gen<byte> value = Gen.OneOf(Gen.Byte, Gen.OneOf(Encoding.ASCII.GetBytes("{}[]\":,0123456789-.e\\tfn")));
        using TemporaryFolder folder = new();
        Gen.Select(Gen.Int[0, good.Length - 1], value).Array[1, 5].Sample(changes =>
        {
            byte[] bytes = [.. good];
            foreach ((int at, byte b) in changes) bytes[at] = b;
            CheckRefusedOrSane(folder, bytes);
        }, iter: 2000, threads: 1);
    }

    [Test]
    public void Random_values_in_a_config_are_refused_or_read()
    {
        JsonObject good = JsonNode.Parse(File.ReadAllText(ModelFixture.Folder("qwen2-window", "config.json")))!.AsObject();
        string[] keys = [.. good.Select(field => field.Key), "rope_scaling", "rope_parameters", "layer_types", "eos_token_id"];
        string[] values =
        [
            "null", "0", "-1", "1", "2", "3", "2147483647", "2147483648", "9223372036854775807", "18446744073709551616", "1e400", "-0.0", "1.5", "true",
            "false", "\"\"", "\"llama\"", "[]", "[1]", "[null]", "[true]", "{}", "{\"rope_type\":\"linear\",\"factor\":1e-300}", "{\"a\":{}}", "\"\\u0000\"",
        ];
        using TemporaryFolder folder = new();
        Gen.Select(Gen.OneOf(keys), Gen.OneOf(values)).Array[1, 4].Sample(changes =>
        {
            JsonObject json = good.DeepClone().AsObject();
            foreach ((string key, string text) in changes) json[key] = JsonNode.Parse(text);
            CheckRefusedOrSane(folder, Encoding.UTF8.GetBytes(json.ToJsonString()));
        }, iter: 2000, threads: 1);
    }

    private static void CheckRefusedOrSane(TemporaryFolder folder, byte[] bytes)
    {
        string path = folder.Write("config.json", bytes);
        try
        {
            ModelConfig config = ModelConfigFile.Load(folder.Root);
            bool isSane = config.HeadWidth % 2 == 0 && config.Heads % config.KvHeads == 0 && config.LayerCount > 0 && config.NormEpsilon > 0
                && Checkpoint.ExpectedTensors(config).Take(20).All(t => t.Shape.All(n => n > 0))
                && ModelConfigFile.ToJson(config, DType.F32).Count > 0;
            if (!isSane) throw new InvalidOperationException("a config that makes no model was read");
        }
        catch (InvalidInputException e) when (e.Message.Contains(path, StringComparison.Ordinal))
        {
        }
    }

    private static ModelConfig Parse(string field, string value)
    {
        JsonObject json = JsonNode.Parse(Llama)!.AsObject();
        string marker = "\"@\"";
        json[field] = "@";
        return ModelConfigFile.Parse(json.ToJsonString().Replace(marker, value, StringComparison.Ordinal), "bad.json");
    }
}
