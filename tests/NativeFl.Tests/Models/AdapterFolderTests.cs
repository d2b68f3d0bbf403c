using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.Models;

public sealed class AdapterFolderTests
{
    private const string Config = "adapter_config.json", Weights = "adapter_model.safetensors";
    private const string QueryA = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
    private const string QueryB = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight";

    [TestCaseSource(typeof(ModelFixture), nameof(ModelFixture.Names))]
    public void The_adapters_of_a_fixture_load_and_survive_a_round_trip(string name)
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder(name));
        string[] folders = [ModelFixture.Folder(name, "adapter"), .. Directory.EnumerateDirectories(ModelFixture.Folder(name, "clients"))];
        Assert.That(folders, Has.Length.EqualTo(4));
        foreach (string folder in folders)
        {
            AdapterFolderContent content = AdapterFolder.Load(folder, config);
            JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, Config)))!;
            Assert.That(content.Weights.Modules, Has.Count.EqualTo(7 * config.LayerCount));
            Assert.That(content.Weights.Modules.Values.Select(f => f.Rank), Is.All.EqualTo((int)json["r"]!));
            Assert.That(content.Weights.Modules.Values.Select(f => f.Scaling), Is.All.EqualTo((float)((double)json["lora_alpha"]! / (int)json["r"]!)));
            AssertSame(RoundTrip(content.Weights, content.Settings, config), content.Weights);
        }
    }

    [Test]
    public void Factors_are_laid_out_one_row_a_rank()
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama"));
        using SafetensorsFile file = SafetensorsFile.Open(ModelFixture.Folder("llama", "adapter", Weights));
        float[] a = new float[4 * 48], b = new float[48 * 4];
        file.Read(QueryA, 0, a);
        file.Read(QueryB, 0, b);
        LoraFactors factors = AdapterFolder.Load(ModelFixture.Folder("llama", "adapter"), config).Weights.Modules[new ModuleId(0, Projection.Query)];
        Assert.That((factors.Rank, factors.OutFeatures, factors.InFeatures), Is.EqualTo((4, 48, 48)));
        Assert.That(factors.A, Is.EqualTo(a));
        for (int row = 0; row < 48; row++)
        {
            for (int r = 0; r < 4; r++) Assert.That(factors.B[(r * 48) + row], Is.EqualTo(b[(row * 4) + r]));
        }
    }

    [Test]
    public void A_and_B_are_told_apart_by_name_where_rank_and_widths_are_equal()
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama"));
        float[] a = [.. Enumerable.Range(0, 48 * 48).Select(i => (float)i)], b = [.. a.Select(x => -x - 1)];
        ModuleId query = new(0, Projection.Query);
        AdapterWeights square = new(new Dictionary<ModuleId, LoraFactors> { [query] = new(48, 48, 48, 0.5f, a, b) });
        using TemporaryFolder folder = new();
        AdapterFolder.Save(folder.Root, square, new AdapterSettings());
        AssertSame(AdapterFolder.Load(folder.Root, config).Weights, square);
        using SafetensorsFile file = SafetensorsFile.Open(folder.At(Weights));
        float[] inFile = new float[48 * 48];
        file.Read(QueryB, 0, inFile);
        Assert.That(inFile[1], Is.EqualTo(b[48]));
    }

    [Test]
    public void Any_ranks_scalings_and_absent_modules_survive_a_round_trip()
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama-odd-sizes"));
        ModuleId[] modules = [.. config.Modules()];
        Gen<(int Rank, float Scaling, int Seed)> one = Gen.Select(Gen.Int[0, 5], Gen.OneOf(Gen.OneOf(2f, 1f, 10f / 3, 0f, -1.5f), Gen.Float[-9, 9]), Gen.Int[0, 1000]);
        Gen.Select(one.Array[modules.Length], Gen.Bool, Gen.Bool, Gen.Bool).Sample((choices, uniform, useRsLora, knowsDepth) =>
        {
            Dictionary<ModuleId, LoraFactors> factors = [];
            for (int i = 0; i < modules.Length; i++)
            {
                (int rank, float scaling, int seed) = choices[uniform ? i % 7 : i];
                if (rank > 0) factors.Add(modules[i], Factors(config, modules[i], rank, scaling, (ulong)seed));
            }

            AdapterWeights adapter = new(factors);
            AdapterSettings settings = new() { Dropout = 0.05, UseRsLora = useRsLora, BaseModel = "some/\"base\"", LayerCount = knowsDepth ? config.LayerCount : 0 };
            AssertSame(RoundTrip(adapter, settings, config), adapter);
        }, threads: 1);
    }

    [Test]
    public void The_configuration_says_what_PEFT_expects()
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama"));
        Dictionary<ModuleId, LoraFactors> factors = [];
        for (int layer = 0; layer < 3; layer++)
        {
            ModuleId query = new(layer, Projection.Query), up = new(layer, Projection.Up);
            factors.Add(query, Factors(config, query, 3, 10f / 3, 1));
            if (layer != 1) factors.Add(up, Factors(config, up, layer == 0 ? 3 : 5, layer == 0 ? 10f / 3 : 2, 2));
        }

        using TemporaryFolder folder = new();
        AdapterFolder.Save(folder.At("new/adapter"), new AdapterWeights(factors), new AdapterSettings { LayerCount = 3, Dropout = 0.1, BaseModel = "base" });
        JsonNode json = JsonNode.Parse(File.ReadAllText(folder.At("new/adapter/" + Config)))!;
        Assert.Multiple(() =>
        {
            Assert.That((string)json["peft_type"]!, Is.EqualTo("LORA"));
            Assert.That((string)json["task_type"]!, Is.EqualTo("CAUSAL_LM"));
            Assert.That((string)json["base_model_name_or_path"]!, Is.EqualTo("base"));
            Assert.That((int)json["r"]!, Is.EqualTo(3));
            Assert.That(json["lora_alpha"]!.ToJsonString(), Is.EqualTo("10"));
            Assert.That((double)json["lora_dropout"]!, Is.EqualTo(0.1));
            Assert.That(
                json["target_modules"]!.AsArray().Select(n => (string)n!),
                Is.EqualTo(new[] { "q_proj", "model.layers.0.mlp.up_proj", "model.layers.2.mlp.up_proj" }));
            Assert.That(json["rank_pattern"]!.ToJsonString(), Is.EqualTo("""{"model.layers.2.mlp.up_proj":5}"""));
            Assert.That(json["alpha_pattern"]!.ToJsonString(), Is.EqualTo("{}"));
            Assert.That((string)json["bias"]!, Is.EqualTo("none"));
            Assert.That(Directory.GetFiles(folder.At("new/adapter")).Select(Path.GetFileName), Is.EquivalentTo(new[] { Config, Weights }));
        });
    }

    [Test]
    public void An_adapter_of_rank_zero_everywhere_is_a_folder_too()
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama"));
        AdapterWeights nothing = new(new Dictionary<ModuleId, LoraFactors>());
        Assert.That(RoundTrip(nothing, new AdapterSettings(), config).Modules, Is.Empty);
    }

    [Test]
    public void A_folder_that_lacks_a_file_is_refused()
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama"));
        using TemporaryFolder folder = new();
        Assert.That(() => AdapterFolder.Load(folder.At("none"), config), SafetensorsFileTests.Refused(folder.At("none"), "no such folder"));
        Assert.That(() => AdapterFolder.Load(folder.Root, config), SafetensorsFileTests.Refused(folder.At(Config), "no such file"));
        File.Copy(ModelFixture.Folder("llama", "adapter", Config), folder.At(Config));
        Assert.That(() => AdapterFolder.Load(folder.Root, config), SafetensorsFileTests.Refused(folder.At(Weights), "no such file"));
        folder.Write("adapter_model.bin", "x");
        Assert.That(() => AdapterFolder.Load(folder.Root, config), SafetensorsFileTests.Refused(folder.Root, "pickled adapter_model.bin"));
    }

    [TestCase("r", 5, "[5, 48]", "[4, 48]")]
    [TestCase("r", 1048576, "[1048576, 48]", "[4, 48]")]
    public void A_rank_in_the_file_other_than_in_the_config_is_refused(string field, int value, string expected, string got) =>
        AssertRefused(json => json[field] = value, null, Weights, "lora_A.weight", expected, got);

    [Test]
    public void Swapped_factors_are_refused() => AssertRefused(
        null,
        tensors =>
        {
            (tensors[QueryA], tensors[QueryB]) = (tensors[QueryB], tensors[QueryA]);
        },
        Weights, QueryA, "expected shape [4, 48]", "got [48, 4]");

    [Test]
    public void A_without_B_is_refused() => AssertRefused(null, tensors => tensors.Remove(QueryB), Weights, QueryB, "no such tensor");

    [Test]
    public void B_without_A_is_refused() => AssertRefused(null, tensors => tensors.Remove(QueryA), Weights, QueryA, "no such tensor");

    [TestCase(float.NaN, "NaN")]
    [TestCase(float.PositiveInfinity, "Infinity")]
    [TestCase(float.NegativeInfinity, "-Infinity")]
    public void A_value_that_is_not_finite_is_refused(float value, string got) => AssertRefused(
        null, tensors => tensors[QueryB].Values[5] = value, Weights, QueryB, "finite values", got + " at row 1, column 1");

    [Test]
    public void Another_bases_width_is_refused()
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama")) with { IntermediateSize = 128 };
        Assert.That(
            () => AdapterFolder.Load(ModelFixture.Folder("llama", "adapter"), config),
            SafetensorsFileTests.Refused(Weights, "gate_proj.lora_B.weight", "[128, 4]", "[112, 4]"));
    }

    [Test]
    public void Layers_beyond_the_model_are_refused()
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama")) with { LayerCount = 2 };
        Assert.That(
            () => AdapterFolder.Load(ModelFixture.Folder("llama", "adapter"), config),
            SafetensorsFileTests.Refused(Weights, "layers.2.", "a layer below 2", "layer 2"));
    }

    [TestCase("base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector", "DoRA")]
    [TestCase("base_model.model.model.embed_tokens.lora_embedding_A", "embedding")]
    [TestCase("base_model.model.lm_head.lora_A.weight", "lm_head")]
    [TestCase("base_model.model.model.layers.00.self_attn.q_proj.lora_A.weight", "model.layers.00")]
    [TestCase("base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight", "another part of an adapter")]
    [TestCase("base_model.model.lora_A.weight", "another part of an adapter")]
    [TestCase("base_model.model.x.lora_A.weight", "linear layer of a block", "\"x\"")]
    [TestCase("model.layers.0.self_attn.q_proj.weight", "no LoRA factor")]
    public void A_tensor_that_is_no_factor_is_refused(string name, params string[] fragments) =>
        AssertRefused(null, tensors => tensors[name] = new FileTensor([1, 1], [0f]), [Weights, .. fragments]);

    [Test]
    public void A_factor_of_a_module_that_is_not_targeted_is_refused() => AssertRefused(
        json => json["target_modules"] = new JsonArray("k_proj"), null, Weights, QueryA, "only modules that adapter_config.json targets");

    [Test]
    public void Targets_that_are_not_in_the_file_are_refused() => AssertRefused(
        null, tensors => tensors.Keys.Where(k => k.Contains("k_proj", StringComparison.Ordinal)).ToList().ForEach(k => tensors.Remove(k)),
        Weights, "k_proj.lora_A.weight", "no such tensor");

    [Test]
    public void Targets_that_match_nothing_are_refused() => AssertRefused(
        json => json["target_modules"] = new JsonArray("c_attn"), tensors => tensors.Clear(), Config, "target_modules", "c_attn");

    [Test]
    public void Random_changes_of_a_good_adapter_are_refused_or_read()
    {
        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("qwen3"));
        string source = ModelFixture.Folder("qwen3", "clients", "1");
        byte[] json = File.ReadAllBytes(Path.Combine(source, Config)), tensors = File.ReadAllBytes(Path.Combine(source, Weights));
        int header = 8 + (int)BitConverter.ToInt64(tensors);
        Gen<byte> value = Gen.OneOf(Gen.Byte, Gen.OneOf(Encoding.ASCII.GetBytes("{}[]\":,0123456789-.e\\tfABLq_")));
        Gen<(int At, byte Value)[]> inJson = Gen.Select(Gen.Int[0, json.Length - 1], value).Array[0, 3];
        Gen<(int At, byte Value)[]> inTensors = Gen.Select(Gen.OneOf(Gen.Int[0, header], Gen.Int[0, tensors.Length - 1]), value).Array[0, 3];
        using TemporaryFolder folder = new();
        Gen.Select(inJson, inTensors).Sample((changedJson, changedTensors) =>
        {
            byte[] newJson = [.. json], newTensors = [.. tensors];
            foreach ((int at, byte b) in changedJson) newJson[at] = b;
            foreach ((int at, byte b) in changedTensors) newTensors[at] = b;
            folder.Write(Config, newJson);
            folder.Write(Weights, newTensors);
            try
            {
                AdapterWeights adapter = AdapterFolder.Load(folder.Root, config).Weights;
                bool fits = adapter.IsFinite && adapter.Modules.All(m =>
                    (m.Value.OutFeatures, m.Value.InFeatures) == config.ShapeOf(m.Key.Projection) && m.Value.A.Length == m.Value.Rank * m.Value.InFeatures
                    && m.Value.B.Length == m.Value.Rank * m.Value.OutFeatures && float.IsFinite(m.Value.Scaling));
                if (!fits) throw new InvalidOperationException("an adapter that does not fit was read");
            }
            catch (InvalidInputException e) when (e.Message.Contains(folder.Root, StringComparison.Ordinal))
            {
            }
        }, iter: 2000, threads: 1);
    }

    private sealed record FileTensor(long[] Shape, float[] Values);

    private static LoraFactors Factors(ModelConfig config, ModuleId module, int rank, float scaling, ulong seed)
    {
        (int rows, int columns) = config.ShapeOf(module.Projection);
        Philox random = new(seed, (ulong)module.Index);
        float[] a = new float[rank * columns], b = new float[rank * rows];
        foreach (float[] factor in (float[][])[a, b])
        {
            for (int i = 0; i < factor.Length; i++) factor[i] = random.NextSingle();
        }

        return new LoraFactors(rank, rows, columns, scaling, a, b);
    }

    private static AdapterWeights RoundTrip(AdapterWeights adapter, AdapterSettings settings, ModelConfig config)
    {
        using TemporaryFolder folder = new();
        AdapterFolder.Save(folder.Root, adapter, settings);
        AdapterFolderContent content = AdapterFolder.Load(folder.Root, config);
        if (content.Settings != settings with { LayerCount = config.LayerCount }) throw new InvalidOperationException("the settings differ");
        return content.Weights;
    }

    private static void AssertSame(AdapterWeights actual, AdapterWeights expected)
    {
        if (!actual.Modules.Keys.Order().SequenceEqual(expected.Modules.Keys.Order())) throw new InvalidOperationException("the modules differ");
        foreach ((ModuleId module, LoraFactors x) in expected.Modules)
        {
            LoraFactors y = actual.Modules[module];
            bool isSame = (x.Rank, x.OutFeatures, x.InFeatures, x.Scaling) == (y.Rank, y.OutFeatures, y.InFeatures, y.Scaling)
                && x.A.AsSpan().SequenceEqual(y.A) && x.B.AsSpan().SequenceEqual(y.B);
            if (!isSame) throw new InvalidOperationException($"{module} differs: {x.Rank} {x.Scaling} and {y.Rank} {y.Scaling}");
        }
    }

    // The llama fixture's adapter with a changed configuration and changed tensors.
    private static void AssertRefused(Action<JsonObject>? changeConfig, Action<Dictionary<string, FileTensor>>? changeTensors, params string[] fragments)
    {
        using TemporaryFolder folder = new();
        JsonObject json = JsonNode.Parse(File.ReadAllText(ModelFixture.Folder("llama", "adapter", Config)))!.AsObject();
        changeConfig?.Invoke(json);
        folder.Write(Config, json.ToJsonString());
        Dictionary<string, FileTensor> tensors = [];
        using (SafetensorsFile file = SafetensorsFile.Open(ModelFixture.Folder("llama", "adapter", Weights)))
        {
            foreach (SafetensorsEntry entry in file.Entries.Values)
            {
                float[] values = new float[entry.Count];
                file.Read(entry.Name, 0, values);
                tensors.Add(entry.Name, new FileTensor(entry.Shape, values));
            }
        }

        changeTensors?.Invoke(tensors);
        using (SafetensorsWriter writer = SafetensorsWriter.Create(folder.At(Weights), [.. tensors.Select(t => new SafetensorsDeclaration(t.Key, "F32", t.Value.Shape))]))
        {
            foreach (FileTensor tensor in tensors.Values) writer.Write(tensor.Values);
            writer.Complete();
        }

        ModelConfig config = ModelConfigFile.Load(ModelFixture.Folder("llama"));
        Assert.That(() => AdapterFolder.Load(folder.Root, config), SafetensorsFileTests.Refused(fragments));
    }
}
