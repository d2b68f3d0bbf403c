using System.Text.Json.Nodes;
using NativeFl.Models;

namespace NativeFl.Tests.Models;

public sealed class AdapterConfigTests
{
    private const string Good = """{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj","v_proj"]}""";

    private static readonly ModuleId Query0 = new(0, Projection.Query);

    [TestCase("lora_alpha", "16", 2f)]
    [TestCase("lora_alpha", "0.1", 0.0125f)]
    [TestCase("lora_alpha", "-8", -1f)]
    [TestCase("use_rslora", "true", 5.656854f)]
    public void The_scaling_is_alpha_over_r_or_over_its_root(string field, string value, float expected) =>
        Assert.That(Read((field, value)).ScalingOf(Query0), Is.EqualTo(expected));

    [TestCase("""{"q_proj":3}""", "3 3 3")]
    [TestCase("""{"proj":3}""", "8 8 8")]
    [TestCase("""{"self_attn.q_proj":3,"q_proj":4}""", "3 3 3")]
    [TestCase("""{"q_proj":4,"self_attn.q_proj":3}""", "4 4 4")]
    [TestCase("""{"model.layers.1.self_attn.q_proj":5,"layers.2.self_attn.q_proj":6}""", "8 5 6")]
    [TestCase("""{"1.self_attn.q_proj":5}""", "8 5 8")]
    [TestCase("""{"layers.[01].*q_proj":7}""", "7 7 8")]
    [TestCase("""{"q.proj":9}""", "9 9 9")]
    [TestCase("""{"a|q_proj":9}""", "9 9 9")]
    [TestCase("""{"":9}""", "8 8 8")]
    public void A_rank_pattern_matches_ends_of_names_the_first_key_first(string pattern, string expected)
    {
        AdapterConfig config = Read(("rank_pattern", pattern));
        Assert.That(string.Join(' ', Enumerable.Range(0, 3).Select(layer => config.RankOf(new ModuleId(layer, Projection.Query)))), Is.EqualTo(expected));
        Assert.That(config.RankOf(new ModuleId(0, Projection.Value)), Is.EqualTo(8));
    }

    [Test]
    public void An_alpha_pattern_goes_with_the_rank_of_the_module()
    {
        AdapterConfig config = Read(("rank_pattern", """{"q_proj":4}"""), ("alpha_pattern", """{"v_proj":2.5}"""));
        Assert.That(config.ScalingOf(Query0), Is.EqualTo(4f));
        Assert.That(config.ScalingOf(new ModuleId(2, Projection.Value)), Is.EqualTo(0.3125f));
    }

    [TestCase("target_modules", "\"all-linear\"", "0123456 0123456 0123456")]
    [TestCase("target_modules", "\".*\\\\.1\\\\.mlp\\\\..*\"", " 456 ")]
    [TestCase("target_modules", "[\"q_proj\",\"unknown\"]", "0 0 0")]
    [TestCase("target_modules", "[\"proj\"]", "  ")]
    [TestCase("layers_to_transform", "1", " 02 ")]
    [TestCase("layers_to_transform", "[0,2]", "02  02")]
    [TestCase("exclude_modules", "[\"layers.1.self_attn.q_proj\"]", "02 2 02")]
    [TestCase("exclude_modules", "\".*v_proj\"", "0 0 0")]
    public void Target_modules_layers_and_exclusions_pick_modules(string field, string value, string expected)
    {
        AdapterConfig config = Read((field, value));
        IEnumerable<string> layers = Enumerable.Range(0, 3)
            .Select(layer => string.Concat(Enumerable.Range(0, 7).Where(p => config.Covers(new ModuleId(layer, (Projection)p)))));
        Assert.That(string.Join(' ', layers), Is.EqualTo(expected));
    }

    [Test]
    public void A_module_listed_in_full_is_meant_whatever_the_layers_say()
    {
        AdapterConfig config = Read(("target_modules", """["model.layers.2.mlp.up_proj","q_proj"]"""), ("layers_to_transform", "0"), ("layers_pattern", "\"layers\""));
        Assert.That(config.Covers(new ModuleId(2, Projection.Up)), Is.True);
        Assert.That(config.Covers(new ModuleId(2, Projection.Query)), Is.False);
        Assert.That(config.Covers(Query0), Is.True);
    }

    [TestCase("megatron_core", "\"megatron.core\"")]
    [TestCase("modules_to_save", "[]")]
    [TestCase("use_dora", "false")]
    [TestCase("init_lora_weights", "\"gaussian\"")]
    [TestCase("init_lora_weights", "false")]
    [TestCase("auto_mapping", "{\"base_model_class\":\"X\"}")]
    [TestCase("loftq_config", "{}")]
    [TestCase("layers_pattern", "\"blocks\"")]
    [TestCase("some_new_key", "7")]
    public void What_changes_nothing_is_let_pass(string field, string value) => Assert.That(Read((field, value)).RankOf(Query0), Is.EqualTo(8));

    [TestCase("peft_type", "null", "LORA", "nothing")]
    [TestCase("peft_type", "\"LOHA\"", "LORA", "LOHA")]
    [TestCase("peft_type", "\"ADALORA\"", "LORA", "ADALORA")]
    [TestCase("r", "0", "integer from 1", "0")]
    [TestCase("r", "-4", "integer from 1", "-4")]
    [TestCase("r", "1000000000", "integer from 1 to 1048576", "1000000000")]
    [TestCase("r", "4.5", "integer from 1", "4.5")]
    [TestCase("r", "null", "integer from 1", "nothing")]
    [TestCase("lora_alpha", "null", "a number", "nothing")]
    [TestCase("lora_alpha", "1e999", "a finite number", "1e999")]
    [TestCase("lora_alpha", "\"16\"", "a finite number", "16")]
    [TestCase("lora_dropout", "1", "[0, 1)", "1")]
    [TestCase("lora_dropout", "-0.1", "[0, 1)", "-0.1")]
    [TestCase("bias", "\"all\"", "none", "all")]
    [TestCase("bias", "\"lora_only\"", "none", "lora_only")]
    [TestCase("use_dora", "true", "plain LoRA", "true")]
    [TestCase("use_qalora", "true", "plain LoRA", "true")]
    [TestCase("lora_bias", "true", "plain LoRA", "true")]
    [TestCase("fan_in_fan_out", "true", "plain LoRA", "true")]
    [TestCase("modules_to_save", "[\"lm_head\"]", "plain LoRA", "lm_head")]
    [TestCase("layer_replication", "[[0,2],[1,3]]", "plain LoRA", "[[0,2],[1,3]]")]
    [TestCase("trainable_token_indices", "[1,2]", "plain LoRA", "[1,2]")]
    [TestCase("target_parameters", "[\"x\"]", "plain LoRA", "x")]
    [TestCase("megatron_config", "{\"a\":1}", "plain LoRA", "a")]
    [TestCase("megatron_core", "\"os.system\"", "plain LoRA", "os.system")]
    [TestCase("alora_invocation_tokens", "[1]", "plain LoRA", "[1]")]
    [TestCase("init_lora_weights", "\"pissa\"", "leaves the base as it is", "pissa")]
    [TestCase("init_lora_weights", "\"olora\"", "leaves the base as it is", "olora")]
    [TestCase("init_lora_weights", "\"loftq\"", "leaves the base as it is", "loftq")]
    [TestCase("use_rslora", "1", "true or false", "1")]
    [TestCase("target_modules", "null", "all-linear, a list of names or a pattern", "nothing")]
    [TestCase("target_modules", "7", "a list of names", "7")]
    [TestCase("target_modules", "[7]", "a list of strings", "7")]
    [TestCase("target_modules", "\"(\"", "a regular expression", "(")]
    [TestCase("target_modules", "[\"q_proj\",\"lm_head\"]", "linear layers of the blocks", "lm_head")]
    [TestCase("target_modules", "[\"embed_tokens\"]", "linear layers of the blocks", "model.embed_tokens")]
    [TestCase("exclude_modules", "7", "a list of names", "7")]
    [TestCase("layers_to_transform", "3", "integer from 0 to 2", "3")]
    [TestCase("layers_to_transform", "[-1]", "integer from 0 to 2", "-1")]
    [TestCase("rank_pattern", "[]", "an object", "[]")]
    public void A_config_that_is_no_plain_adapter_is_refused_by_name(string field, string value, string expected, string got) =>
        Assert.That(() => Read((field, value)), SafetensorsFileTests.Refused($"adapter_config.json: {field}", expected, got));

    [TestCase("rank_pattern", "{\"q_proj\":0}", "rank_pattern.q_proj", "0")]
    [TestCase("rank_pattern", "{\"q_proj\":-1}", "rank_pattern.q_proj", "-1")]
    [TestCase("rank_pattern", "{\"q_proj\":null}", "rank_pattern.q_proj", "nothing")]
    [TestCase("alpha_pattern", "{\"q_proj\":\"1\"}", "alpha_pattern.q_proj", "1")]
    [TestCase("rank_pattern", "{\"(\":1}", "rank_pattern", "a regular expression")]
    public void A_pattern_with_a_bad_entry_is_refused(string field, string value, string name, string got) =>
        Assert.That(() => Read((field, value)), SafetensorsFileTests.Refused("adapter_config.json: " + name, got));

    [Test]
    public void A_layers_pattern_of_another_model_is_refused() => Assert.That(
        () => Read(("layers_to_transform", "1"), ("layers_pattern", "\"blocks\"")), SafetensorsFileTests.Refused("layers_pattern", "layers", "blocks"));

    [Test]
    public void A_scaling_beyond_f32_is_refused() => Assert.That(
        () => Read(("lora_alpha", "1e300")).ScalingOf(Query0), SafetensorsFileTests.Refused("lora_alpha", "f32"));

    private static AdapterConfig Read(params (string Field, string Value)[] changes)
    {
        JsonObject json = JsonNode.Parse(Good)!.AsObject();
        foreach ((string field, string value) in changes) json[field] = JsonNode.Parse(value);
        ModelConfig model = ModelConfigFile.Load(ModelFixture.Folder("llama"));
        JsonObject read = JsonNode.Parse(json.ToJsonString())!.AsObject();
        return new AdapterConfig(read, "adapter_config.json", model);
    }
}
