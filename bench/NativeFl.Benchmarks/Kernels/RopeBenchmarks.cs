using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Kernels;

/// <summary>Bound by memory: 8 bytes an element; the angles of a token are computed once for all its heads. 32 heads of 64, 512 tokens.</summary>
public class RopeBenchmarks
{
    private readonly OperandSet _operands = new();
    private CpuBackend _backend = null!;
    private TensorView _positions, _frequencies, _x;

    /// <summary>0 = all cores.</summary>
    [Params(1, 0)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = Threads });
        _positions = _operands.Positions(_backend, 512);
        _frequencies = _operands.Random(_backend, 32, 1);
        _x = _operands.Random(_backend, 512, 2048);
    }

    [Benchmark]
    public void Forward() => _backend.RopeForward(_positions, _frequencies, _x);

    [Benchmark]
    public void Backward() => _backend.RopeBackward(_positions, _frequencies, _x);

    [GlobalCleanup]
    public void Cleanup()
    {
        _operands.Dispose();
        _backend.Dispose();
    }
}
