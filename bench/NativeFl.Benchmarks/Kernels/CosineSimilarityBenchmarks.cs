using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Kernels;

/// <summary>
/// Bound by memory: products of two rows move 8 bytes an element. A residual norm, which moves 16, has them for nothing: with and without.
/// 512 rows of a large model.
/// </summary>
public class CosineSimilarityBenchmarks
{
    private const int Rows = 512, Columns = 2048;

    private readonly OperandSet _operands = new();
    private CpuBackend _backend = null!;
    private TensorView _x, _y, _w, _sum, _norm, _rstd, _products;

    /// <summary>0 = all cores.</summary>
    [Params(1, 0)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = Threads });
        _x = _operands.Random(_backend, Rows, Columns);
        _y = _operands.Random(_backend, Rows, Columns);
        _w = _operands.Random(_backend, Columns, 1);
        _sum = _operands.Random(_backend, Rows, Columns);
        _norm = _operands.Random(_backend, Rows, Columns);
        _rstd = _operands.Random(_backend, Rows, 1);
        _products = _operands.Random(_backend, Rows, 3);
    }

    [Benchmark]
    public void Products() => _backend.CosineSimilarity(_x, _y, _products);

    [Benchmark]
    public void ResidualNorm() => _backend.ResidualRmsNormForward(_x, _y, _w, 1e-5f, _sum, _norm, _rstd, default);

    [Benchmark]
    public void ResidualNormWithProducts() => _backend.ResidualRmsNormForward(_x, _y, _w, 1e-5f, _sum, _norm, _rstd, _products);

    [GlobalCleanup]
    public void Cleanup()
    {
        _operands.Dispose();
        _backend.Dispose();
    }
}
