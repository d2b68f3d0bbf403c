using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Kernels;

/// <summary>Bound by memory: a step moves 28 bytes a parameter, the norm before it 4. Ten million parameters.</summary>
public class AdamWBenchmarks
{
    private const int Count = 10_000_000;

    private static readonly ParameterRange[] Ranges = [new(0, Count, 0)];
    private static readonly AdamWSegment[] Segments = [new(10, 1e-6f, 0.01f, 1)];

    private readonly OperandSet _operands = new();
    private CpuBackend _backend = null!;
    private TensorView _gradients, _norms, _parameters, _firstMoments, _secondMoments;

    /// <summary>0 = all cores.</summary>
    [Params(1, 0)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = Threads });
        _gradients = _operands.Random(_backend, Count, 1);
        _norms = _operands.Random(_backend, 1, 1);
        _parameters = _operands.Random(_backend, Count, 1);
        _firstMoments = _operands.Random(_backend, Count, 1);
        _secondMoments = _operands.Random(_backend, Count, 1);
        _secondMoments.AsSpan<float>().Fill(1);
        Norm();
    }

    [Benchmark]
    public void Norm() => _backend.GradNorm(_gradients, Ranges, _norms);

    [Benchmark]
    public void Step() => _backend.AdamW(_gradients, _norms, Ranges, Segments, _parameters, _firstMoments, _secondMoments);

    [GlobalCleanup]
    public void Cleanup()
    {
        _operands.Dispose();
        _backend.Dispose();
    }
}
