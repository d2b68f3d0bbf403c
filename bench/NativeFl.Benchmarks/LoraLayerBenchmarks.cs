using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks;

/// <summary>
/// Forward and backward of one layer of a 1.1 B Llama (TinyLlama's shape: C = 2048, F = 5632, H = 32, Hkv = 4, D = 64) with LoRA of
/// rank 16 on its seven projections, 512 tokens, all cores; beside it what OpenBLAS makes of 512×2048×2048 in the same run. A step
/// counts 4N + 3.5A + 6Λ operations a token: N weights, A = 2 · 512 · H · D of causal attention, Λ adapter parameters. The layer's
/// input gradient is computed.
/// </summary>
public class LoraLayerBenchmarks
{
    private const int Tokens = 512, C = 2048, F = 5632, Heads = 32, KvHeads = 4, D = 64, Kv = KvHeads * D, Rank = 16;
    private const double Weights = (2.0 * C * C) + (2.0 * C * Kv) + (3.0 * C * F);
    private const double Adapters = Rank * ((2.0 * (C + C)) + (2.0 * (C + Kv)) + (3.0 * (C + F)));
    private const double StepOperations = Tokens * ((4 * Weights) + (3.5 * 2 * Tokens * Heads * D) + (6 * Adapters));

    private readonly OperandSet _operands = new();
    private CpuBackend _ours = null!;
    private CpuBackend _openBlas = null!;
    private LoraLayer _layer = null!;
    private TensorView _x, _w, _y;

    [Params(DType.F32, DType.BF16)]
    public DType WeightType { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _ours = new CpuBackend();
        _openBlas = new CpuBackend(new CpuBackendOptions { Blas = CpuBlas.OpenBlas });
        var shape = new AttentionShape(Heads, KvHeads, D, 0.125f);
        _layer = new LoraLayer(_ours, _operands, shape, Tokens, F, Rank, WeightType);
        _x = _operands.Random(_ours, Tokens, C);
        _w = _operands.Random(_ours, C, C);
        _y = _operands.Random(_ours, Tokens, C);
    }

    [Benchmark(Baseline = true), Work(2.0 * Tokens * C * C)]
    public void OpenBlasProduct() => _openBlas.MatMul(_x, false, _w, true, false, _y);

    [Benchmark, Work(StepOperations)]
    public void Step()
    {
        _layer.Forward();
        _layer.Backward();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _operands.Dispose();
        _ours.Dispose();
        _openBlas.Dispose();
    }
}
