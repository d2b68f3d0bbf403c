using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>Fresh adapters: A Kaiming-uniform with a = √5, that is U(−1/√in, 1/√in) as PEFT draws it, and B zero, so that ΔW = 0.</summary>
public static class LoraInitialisation
{
    /// <summary>A fresh adapter; each module draws from its own stream of <paramref name="seed"/>. Rank 0 gives an adapter that touches nothing.</summary>
    /// <exception cref="InvalidInputException">A factor of that rank is more than an array can hold.</exception>
    public static AdapterWeights Create(ModelConfig config, LoraOptions options, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Rank, nameof(options));
        var modules = new SortedDictionary<ModuleId, LoraFactors>();
        foreach (var id in config.Modules().Where(m => options.Rank > 0 && options.Targets.Matches(m)))
        {
            var (outFeatures, inFeatures) = config.ShapeOf(id.Projection);
            if ((long)options.Rank * Math.Max(inFeatures, outFeatures) > Array.MaxLength)
                throw new InvalidInputException("--rank", $"at most {Array.MaxLength / Math.Max(inFeatures, outFeatures)} on {id.Name}", $"{options.Rank}");
            var draws = new Philox(seed, (ulong)id.Index);
            float bound = 1 / MathF.Sqrt(inFeatures);
            var a = new float[options.Rank * inFeatures];
            foreach (ref float value in a.AsSpan()) value = ((2 * draws.NextSingle()) - 1) * bound;
            modules.Add(id, new LoraFactors(options.Rank, outFeatures, inFeatures, options.Scaling, a, new float[options.Rank * outFeatures]));
        }

        return new AdapterWeights(modules);
    }
}
