using System.Text.Json.Nodes;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Federation;

/// <summary>Three clients of unequal rank and scaling on every fixture model, against weights merged by an independent float64 program.</summary>
public sealed class FloraFixtureTests
{
    private static readonly string[] Models =
    [
        "llama", "llama3-rope", "qwen2", "llama-bf16", "llama-biases", "llama-linear-rope", "llama-odd-sizes", "llama-sharded-f16",
        "mistral-window", "qwen2-window", "qwen3",
    ];

    private static readonly ModuleId[] Merged = [new(0, Projection.Query), new(1, Projection.Down)];

    [Test]
    public void The_merged_weights_are_those_of_the_reference([ValueSource(nameof(Models))] string model)
    {
        (AdapterWeights[] clients, double[] sizes) = Clients(model);
        using var backend = new CpuBackend();
        using var checkpoint = Checkpoint.Open(Folder(model));
        using var expected = SafetensorsFile.Open(Path.Combine(Folder(model), "expected.safetensors"));
        AdapterWeights product = Adapters.Aggregate(new FloraStacking(), clients, sizes).Product;
        foreach (ModuleId module in Merged)
        {
            (int outFeatures, int inFeatures) = checkpoint.Config.ShapeOf(module.Projection);
            var start = new float[outFeatures * inFeatures];
            checkpoint.Read(module.Name + ".weight", 0, inFeatures, start);
            var reference = new float[start.Length];
            string name = $"flora.merged.layer{module.Layer}.{ModuleId.ShortName(module.Projection)}";
            expected.Read(name, 0, reference);
            using var matrix = new DenseProduct(backend, outFeatures, inFeatures, [AsFactors(start, outFeatures, inFeatures)]);
            AdapterMerge.Into(backend, matrix.Matrix, product.Modules[module], DType.F32);
            var merged = new float[start.Length];
            matrix.Rows(0, merged);
            Assert.That(Distance(merged, reference), Is.LessThan(1e-6), name);
        }
    }

    [Test]
    public void Exactness_is_below_one_in_a_million_and_jumps_for_one_corrupted_weight([ValueSource(nameof(Models))] string model)
    {
        (AdapterWeights[] clients, double[] sizes) = Clients(model);
        using var backend = new CpuBackend();
        ClientContribution[] contributions = [.. clients.Select((c, k) => new ClientContribution(k, sizes[k], c))];
        AdapterWeights product = Adapters.Aggregate(new FloraStacking(), clients, sizes).Product;
        double exact = ExactnessCheck.Measure(backend, [product], contributions, Renormalization.None);
        product.Modules[Merged[1]].B[5] += 0.1f;
        double corrupted = ExactnessCheck.Measure(backend, [product], contributions, Renormalization.None);
        Assert.Multiple(() =>
        {
            Assert.That(exact, Is.LessThan(1e-6));
            Assert.That(corrupted, Is.GreaterThan(1e-4));
        });
    }

    private static (AdapterWeights[] Clients, double[] Sizes) Clients(string model)
    {
        ModelConfig config = ModelConfigFile.Load(Folder(model));
        JsonNode facts = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder(model), "expected.json")))!["flora"]!;
        double[] sizes = [.. facts["client_sizes"]!.AsArray().Select(n => n!.GetValue<double>())];
        return ([.. sizes.Select((_, k) => AdapterFolder.Load(Path.Combine(Folder(model), "clients", $"{k}"), config).Weights)], sizes);
    }

    private static string Folder(string model) =>
        Path.Combine(TestContext.CurrentContext.TestDirectory, "fixtures", "models", model);

    /// <summary>A matrix as a factor pair: W = Bᵀ I.</summary>
    private static LoraFactors AsFactors(float[] values, int outFeatures, int inFeatures)
    {
        var identity = new float[inFeatures * inFeatures];
        var transposed = new float[values.Length];
        for (int i = 0; i < inFeatures; i++) identity[(i * inFeatures) + i] = 1;
        for (int i = 0; i < values.Length; i++) transposed[(i % inFeatures * outFeatures) + (i / inFeatures)] = values[i];
        return new LoraFactors(inFeatures, outFeatures, inFeatures, 1, identity, transposed);
    }

    private static double Distance(float[] x, float[] reference)
    {
        double error = x.Zip(reference).Sum(t => Math.Pow((double)t.First - t.Second, 2));
        return Math.Sqrt(error / reference.Sum(r => (double)r * r));
    }
}
