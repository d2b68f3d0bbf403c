using BenchmarkDotNet.Attributes;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Training;

/// <summary>
/// One optimiser step of LoRA (r = 16, seven projections, AdamW, 4 × 256 tokens, all counted) on <see cref="SmallModel"/>. Times are per
/// token: 1 s over them is tokens/s.
/// </summary>
[WarmupCount(12)] // The JIT has the last loop in its final form after eight to ten steps.
public class LoraStepBenchmarks
{
    private const int Sequences = 4, Length = 256;

    private CpuBackend _backend = null!;
    private Transformer _model = null!;
    private AdapterStack _stack = null!;
    private TrainingRun _run = null!;

    [Params(DType.F32, DType.BF16)]
    public DType Weights { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend();
        _model = Transformer.Random(_backend, SmallModel.Config, Weights, seed: 1);
        _run = SmallModel.Run(_model, [16], Sequences, Length, out _stack);
    }

    [Benchmark(OperationsPerInvoke = Sequences * Length)]
    public void Step() => _run.Step(observer: null);

    [GlobalCleanup]
    public void Cleanup()
    {
        _run.Dispose();
        _stack.Dispose();
        _model.Dispose();
        _backend.Dispose();
    }
}
