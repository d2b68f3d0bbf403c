using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>Models, adapters and data from <see cref="CounterHash"/>, each tensor from the stream of its name: the peers make the same.</summary>
internal static class RandomWeights
{
    // Uniform with the deviation 0.02 that Llama's configurations give: 0.02 √3.
    private const float WeightAmplitude = 0.0346410162f;

    /// <summary>Matrices uniform in ± 0.02 √3, norms 1.</summary>
    public static Transformer Model(Backend backend, ModelConfig config, DType type)
    {
        Transformer model = Transformer.Plan(backend, config, type);
        model.Weights.Fill((parameter, firstRow, rows) =>
        {
            if (parameter.IsVector) rows.Span.Fill(1);
            else CounterHash.Fill(CounterHash.Stream(parameter.Name), (long)firstRow * parameter.Columns, WeightAmplitude, rows);
        });
        return model;
    }

    /// <summary>Adapter <paramref name="k"/>: A uniform in ± 1/√in, B in ± <paramref name="amplitudeOfB"/> (0 is where training starts), α = 2 r.</summary>
    public static AdapterWeights Adapter(ModelConfig config, int k, int rank, float amplitudeOfB = 0)
    {
        var modules = new SortedDictionary<ModuleId, LoraFactors>();
        foreach (ModuleId module in config.Modules())
        {
            (int rows, int columns) = config.ShapeOf(module.Projection);
            float[] a = new float[(long)rank * columns], b = new float[(long)rank * rows];
            CounterHash.Fill(CounterHash.Stream($"{k}/{module.Name}.lora_A"), 0, 1 / MathF.Sqrt(columns), a);
            if (amplitudeOfB != 0) CounterHash.Fill(CounterHash.Stream($"{k}/{module.Name}.lora_B"), 0, amplitudeOfB, b);
            modules.Add(module, new LoraFactors(rank, rows, columns, 2, a, b));
        }
        return new AdapterWeights(modules);
    }

    /// <summary>Sequence <paramref name="i"/> of adapter <paramref name="k"/>, every token counted but the first.</summary>
    public static TokenizedExample Sequence(ModelConfig config, int k, int i, int length)
    {
        ulong stream = CounterHash.Stream($"tokens/{k}/{i}");
        int[] ids = [.. Enumerable.Range(0, length).Select(t => CounterHash.Integer(stream, (ulong)t, config.VocabularySize))];
        return new TokenizedExample($"{k}-{i}", ids, ids);
    }
}
