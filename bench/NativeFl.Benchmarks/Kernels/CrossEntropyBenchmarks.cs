using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Kernels;

/// <summary>Two exponentials a logit with the gradient, one without; a row stays in cache between its passes. 256 rows of a vocabulary of 32,000.</summary>
public class CrossEntropyBenchmarks
{
    private readonly OperandSet _operands = new();
    private CpuBackend _backend = null!;
    private TensorView _labels, _weights, _logits, _losses;

    /// <summary>0 = all cores.</summary>
    [Params(1, 0)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = Threads });
        _labels = _operands.Positions(_backend, 256);
        _weights = _operands.Random(_backend, 256, 1);
        _logits = _operands.Random(_backend, 256, 32000);
        _losses = _operands.Random(_backend, 256, 1);
    }

    [Benchmark]
    public void Forward() => _backend.CrossEntropy(_labels, default, withGradient: false, _logits, _losses);

    [Benchmark]
    public void ForwardAndBackward() => _backend.CrossEntropy(_labels, _weights, withGradient: true, _logits, _losses);

    [GlobalCleanup]
    public void Cleanup()
    {
        _operands.Dispose();
        _backend.Dispose();
    }
}
