using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Finetuning;

/// <summary>A small random model and clients of unequal rank, data, schedule and length, for the laws of training.</summary>
internal static class TrainingCases
{
    public static Transformer Model(Backend backend, DType type = DType.F32) => Transformer.Load(backend, Fixtures.Path("models", "qwen2"), type);

    public static CpuBackend Backend(int threads = 2) => new(new CpuBackendOptions { Threads = threads });

    /// <summary>Random token sequences of unequal length, some of them packed from two documents.</summary>
    public static TokenizedExample[] Examples(int count, ulong seed)
    {
        var draws = new Philox(seed);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            int length = 5 + draws.NextInt32(14);
            int[] ids = [.. Enumerable.Range(0, length).Select(_ => draws.NextInt32(256))];
            int[] labels = [.. ids.Select((id, t) => t < length / 3 ? -100 : id)];
            return new TokenizedExample($"{seed}-{i}", ids, labels) { Starts = i % 3 == 2 ? [0, length / 2] : [0] };
        })];
    }

    /// <summary>An adapter whose B is not zero, so that every gradient is.</summary>
    public static AdapterWeights Adapter(ModelConfig config, int rank, ulong seed)
    {
        var fresh = LoraInitialisation.Create(config, new LoraOptions { Rank = rank, Alpha = 3 }, seed);
        var modules = new Dictionary<ModuleId, LoraFactors>();
        foreach (var (id, factors) in fresh.Modules)
        {
            var draws = new Philox(seed, (ulong)id.Index + 1000);
            modules.Add(id, factors with { B = [.. factors.B.Select(_ => (float)(0.05 * draws.NextNormal()))] });
        }

        return new AdapterWeights(modules);
    }

    /// <summary>Four clients that differ in everything that may differ; they take the dropouts in turn.</summary>
    public static ClientTask[] Clients(ModelConfig config, params double[] dropouts)
    {
        ClientTask Client(string id, int rank, int examples, ulong seed, TrainingOptions options) => new()
        {
            Id = id,
            Seed = seed,
            Examples = Examples(examples, seed),
            Initial = Adapter(config, rank, seed),
            Options = options,
        };
        ClientTask[] clients =
        [
            Client("a", 4, 7, 11, new TrainingOptions { BatchSize = 2, Epochs = 2, LearningRate = 3e-3, GradClip = 0.5 }),
            Client("b", 1, 3, 12, new TrainingOptions { BatchSize = 3, Steps = 5, LearningRate = 1e-3, Schedule = LearningRateSchedule.Cosine, WarmupSteps = 2 }),
            Client("c", 9, 5, 13, new TrainingOptions { BatchSize = 2, GradientAccumulation = 2, Epochs = 3, WeightDecay = 0.1, GradClip = 0 }),
            Client("d", 2, 4, 14, new TrainingOptions { BatchSize = 4, Steps = 5, Schedule = LearningRateSchedule.Linear, ProximalMu = 2 }),
        ];
        return dropouts.Length == 0 ? clients : [.. clients.Select((c, k) => c with { Options = c.Options with { Dropout = dropouts[k % dropouts.Length] } })];
    }

    /// <summary>‖x − y‖ / ‖y‖ over all factors of two adapters.</summary>
    public static double Distance(AdapterWeights x, AdapterWeights y)
    {
        double difference = 0, norm = 0;
        Assert.That(x.Modules.Keys, Is.EquivalentTo(y.Modules.Keys));
        foreach (var (id, f) in y.Modules)
        {
            foreach (var (p, q) in f.A.Concat(f.B).Zip(x.Modules[id].A.Concat(x.Modules[id].B)))
            {
                difference += ((double)p - q) * ((double)p - q);
                norm += (double)p * p;
            }
        }

        return Math.Sqrt(difference / norm);
    }

    /// <summary>Whether two adapters hold the same bits.</summary>
    public static bool Same(AdapterWeights x, AdapterWeights y) =>
        x.Modules.Count == y.Modules.Count
        && x.Modules.All(m => m.Value.A.AsSpan().SequenceEqual(y.Modules[m.Key].A) && m.Value.B.AsSpan().SequenceEqual(y.Modules[m.Key].B));
}
