using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Kernels;

/// <summary>The f32 matrix product y = x Wᵀ, ours with packed and unpacked weights, and OpenBLAS on the same operands.</summary>
public class MatMulBenchmarks
{
    private readonly OperandSet _operands = new();
    private CpuBackend _ours = null!;
    private CpuBackend _openBlas = null!;
    private TensorView _x, _w, _y, _dx, _dw;
    private PackedMatrix _packed, _narrow;

    public static IEnumerable<ProductShape> Shapes => [new(1024, 1024, 1024), new(512, 2048, 2048), new(512, 5632, 2048)];

    [ParamsSource(nameof(Shapes))]
    public ProductShape Shape { get; set; } = null!;

    /// <summary>0 = all cores.</summary>
    [Params(1, 0)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _ours = new CpuBackend(new CpuBackendOptions { Threads = Threads });
        _openBlas = new CpuBackend(new CpuBackendOptions { Threads = Threads, Blas = CpuBlas.OpenBlas });
        _x = _operands.Random(_ours, Shape.M, Shape.K);
        _w = _operands.Random(_ours, Shape.N, Shape.K);
        _y = _operands.Random(_ours, Shape.M, Shape.N);
        _dx = _operands.Random(_ours, Shape.M, Shape.K);
        _dw = _operands.Random(_ours, Shape.N, Shape.K);
        _packed = _operands.Packed(_ours, _w, DType.F32);
        _narrow = _operands.Packed(_ours, _w, DType.BF16);
    }

    [Benchmark(Baseline = true), Work(1)]
    public void OpenBlas() => _openBlas.MatMul(_x, false, _w, true, false, _y);

    [Benchmark, Work(1)]
    public void Prepacked() => _ours.LinearForward(_x, _packed, default, false, _y);

    [Benchmark, Work(1)]
    public void PrepackedBf16() => _ours.LinearForward(_x, _narrow, default, false, _y);

    [Benchmark, Work(1)]
    public void Repacking() => _ours.MatMul(_x, false, _w, true, false, _y);

    [Benchmark, Work(1)]
    public void InputGradient() => _ours.LinearBackward(_y, _packed, false, _dx);

    [Benchmark, Work(1)]
    public void WeightGradient() => _ours.MatMul(_y, true, _x, false, false, _dw);

    [GlobalCleanup]
    public void Cleanup()
    {
        _operands.Dispose();
        _ours.Dispose();
        _openBlas.Dispose();
    }
}
