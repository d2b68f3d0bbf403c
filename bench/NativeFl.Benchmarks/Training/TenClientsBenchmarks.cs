using BenchmarkDotNet.Attributes;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Training;

/// <summary>
/// Ten clients of ranks 64, 32, 16, 16, 8, 8, 4, 4, 4, 4 make one step each: in one pass over the base, against one after another.
/// Times are per client step.
/// </summary>
[WarmupCount(12)] // The JIT has the last loop in its final form after eight to ten steps.
public class TenClientsBenchmarks
{
    private static readonly int[] Ranks = [64, 32, 16, 16, 8, 8, 4, 4, 4, 4];

    private readonly List<IDisposable> _owned = [];
    private TrainingRun _together = null!;
    private TrainingRun[] _alone = null!;

    [Params(64, 256)]
    public int TokensPerClient { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var backend = new CpuBackend();
        var model = Transformer.Random(backend, SmallModel.Config, DType.F32, seed: 1);
        _owned.AddRange([model, backend]);
        _together = Own(model, Ranks);
        _alone = [.. Ranks.Select(r => Own(model, [r]))];
    }

    [Benchmark(OperationsPerInvoke = 10)]
    public void InOnePass() => _together.Step(observer: null);

    [Benchmark(Baseline = true, OperationsPerInvoke = 10)]
    public void OneByOne()
    {
        foreach (var run in _alone) run.Step(observer: null);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _owned.ForEach(o => o.Dispose());
        _owned.Clear();
    }

    private TrainingRun Own(Transformer model, int[] ranks)
    {
        var run = SmallModel.Run(model, ranks, 1, TokensPerClient, out var stack);
        _owned.InsertRange(0, [run, stack]);
        return run;
    }
}
