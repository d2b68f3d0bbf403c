using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Kernels;

/// <summary>Bound by memory: a forward moves 8 bytes an element, a backward 16. 512 rows of a large model, and the heads of 512 tokens.</summary>
public class RmsNormBenchmarks
{
    private readonly OperandSet _operands = new();
    private CpuBackend _backend = null!;
    private TensorView _x, _w, _y, _rstd, _dx, _dw;

    [Params(2048, 128)]
    public int Columns { get; set; }

    /// <summary>0 = all cores.</summary>
    [Params(1, 0)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = Threads });
        int rows = 512 * 2048 / Columns;
        _x = _operands.Random(_backend, rows, Columns);
        _w = _operands.Random(_backend, Columns, 1);
        _y = _operands.Random(_backend, rows, Columns);
        _rstd = _operands.Random(_backend, rows, 1);
        _dx = _operands.Random(_backend, rows, Columns);
        _dw = _operands.Random(_backend, Columns, 1);
        Forward();
    }

    [Benchmark]
    public void Forward() => _backend.RmsNormForward(_x, _w, 1e-5f, _y, _rstd);

    [Benchmark]
    public void Backward() => _backend.RmsNormBackward(_y, _x, _w, _rstd, _dx, default);

    [Benchmark]
    public void BackwardWithWeights() => _backend.RmsNormBackward(_y, _x, _w, _rstd, _dx, _dw);

    [GlobalCleanup]
    public void Cleanup()
    {
        _operands.Dispose();
        _backend.Dispose();
    }
}
