using System.Diagnostics;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// FLoRA's merge W += Σ p_k s_k B_kᵀ A_k of ten adapters into every linear layer of a 7 B Llama, and of each projection alone over all
/// blocks, so that no matrix is still in the cache. The limit is reading and writing W once: 2 · bytes(W) over the rate of a copy.
/// </summary>
internal static class MergeMeasurement
{
    private static readonly int[] Ranks = [64, 64, 32, 32, 16, 16, 8, 8, 4, 4];

    // gpu-merge [--warmup 3] [--steps 20] [--tiny]
    public static void Run(ReadOnlySpan<string> words)
    {
        var arguments = new GpuArguments(words, "--warmup", "--steps", "--tiny");
        using Backend backend = arguments.Open();
        bool isTiny = arguments.Has("--tiny");
        ModelConfig config = isTiny ? TrainingCase.All.Single(known => known.Name == "tiny").Config : TrainingCase.Llama2With7B;
        int[] ranks = isTiny ? [4, 2, 1] : Ranks;
        double bytesPerSecond = DeviceRates.BytesPerSecond(backend, isTiny ? 1 << 20 : 1L << 31);
        using Transformer model = RandomWeights.Model(backend, config, backend.ActivationType);
        using var stack = new AdapterStack(model, [.. ranks.Select((rank, k) => RandomWeights.Adapter(config, k, rank, 1e-3f))], trainable: false);
        float[] weights = [.. ranks.Select(_ => 1f / ranks.Length)];

        void Measure(string item, IReadOnlyCollection<StackModule> modules, Action merge)
        {
            double bytes = modules.Sum(module => 2.0 * module.InFeatures * module.OutFeatures * model.Weights.Type.Size());
            double[] seconds = Times(backend, arguments.Number("--warmup", 3), arguments.Number("--steps", 20), merge);
            new Measurement("G9", item, arguments.Setting, "ms", [.. seconds.Select(s => 1e3 * s)])
            {
                Roof = 1e3 * bytes / bytesPerSecond,
                PeakBytes = backend.AllocatedBytes,
            }.Write(backend.DeviceName, arguments.Results);
        }

        Measure("all linear layers", [.. stack.Modules], () => stack.MergeInto(weights, model));
        foreach (var projection in stack.Modules.GroupBy(module => module.Id.Projection))
        {
            if (projection.Key is not (Projection.Query or Projection.Gate or Projection.Down)) continue;
            StackModule[] modules = [.. projection];
            Measure($"{ModuleId.ShortName(projection.Key)}, {modules.Length} blocks", modules, () =>
            {
                foreach (StackModule module in modules)
                    backend.LoraMerge(module.A, module.B, [.. AdapterStack.WeightedGroups(module, weights, rows: 0)], model.Weights.LinearOf(module.Id));
            });
        }
    }

    private static double[] Times(Backend backend, int warmup, int steps, Action call)
    {
        var seconds = new double[warmup + steps];
        for (int i = 0; i < seconds.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            call();
            backend.Synchronize();
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return seconds[warmup..];
    }
}
