using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Kernels;

/// <summary>Bound by memory once the exponential is vectorised: a forward moves 12 bytes an element, a backward 20. 512 × 5632, as in a 1.1 B model.</summary>
public class SwigluBenchmarks
{
    private readonly OperandSet _operands = new();
    private CpuBackend _backend = null!;
    private TensorView _gate, _up, _y, _dGate, _dUp;

    /// <summary>0 = all cores.</summary>
    [Params(1, 0)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = Threads });
        _gate = _operands.Random(_backend, 512, 5632);
        _up = _operands.Random(_backend, 512, 5632);
        _y = _operands.Random(_backend, 512, 5632);
        _dGate = _operands.Random(_backend, 512, 5632);
        _dUp = _operands.Random(_backend, 512, 5632);
    }

    [Benchmark]
    public void Forward() => _backend.SwigluForward(_gate, _up, _y);

    [Benchmark]
    public void Backward() => _backend.SwigluBackward(_y, _gate, _up, _dGate, _dUp);

    [GlobalCleanup]
    public void Cleanup()
    {
        _operands.Dispose();
        _backend.Dispose();
    }
}
