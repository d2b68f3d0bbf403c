using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// Case G12, the kernels over rows of activations: bound by memory. Every operand is larger than the caches. Calls are waited for
/// together, as in a training step.
/// </summary>
public class RowBenchmarks
{
    private const int Calls = 10, HeadWidth = 128;

    private OpenedDevice _device = null!;
    private TensorView _x, _delta, _y, _out, _w, _rstd, _products, _positions, _frequencies;

    public static IEnumerable<RowShape> Shapes => [new RowShape(16384, 8192).OrTiny];

    [ParamsSource(nameof(Shapes))]
    public RowShape Shape { get; set; } = null!;

    [GlobalSetup]
    public void Setup()
    {
        _device = new OpenedDevice();
        TensorView Rows() => _device.Operands.Random(Shape.Rows, Shape.Columns);
        (_x, _delta, _y, _out) = (Rows(), Rows(), Rows(), Rows());
        _w = _device.Operands.Random(Shape.Columns, 1, DType.F32);
        _rstd = _device.Operands.Random(Shape.Rows, 1, DType.F32);
        _products = _device.Operands.Random(Shape.Rows, 3, DType.F32);
        _positions = _device.Operands.Integers(Shape.Rows, row => row % 2048);
        _frequencies = _device.Operands.Random(HeadWidth / 2, 1, DType.F32);
    }

    [Benchmark(OperationsPerInvoke = Calls), Traffic(4)]
    public void Copy() => Times(b => b.Copy(_x, _y));

    [Benchmark(OperationsPerInvoke = Calls), Traffic(4)]
    public void RmsNormForward() => Times(b => b.RmsNormForward(_x, _w, 1e-5f, _y, _rstd));

    [Benchmark(OperationsPerInvoke = Calls), Traffic(8)]
    public void ResidualRmsNormForward() => Times(b => b.ResidualRmsNormForward(_x, _delta, _w, 1e-5f, _out, _y, _rstd, default));

    [Benchmark(OperationsPerInvoke = Calls), Traffic(8)]
    public void ResidualRmsNormForwardWithProducts() =>
        Times(b => b.ResidualRmsNormForward(_x, _delta, _w, 1e-5f, _out, _y, _rstd, _products));

    [Benchmark(OperationsPerInvoke = Calls), Traffic(4)]
    public void CosineSimilarity() => Times(b => b.CosineSimilarity(_x, _delta, _products));

    [Benchmark(OperationsPerInvoke = Calls), Traffic(8)]
    public void RmsNormBackward() => Times(b => b.RmsNormBackward(_delta, _x, _w, _rstd, _out, default));

    [Benchmark(OperationsPerInvoke = Calls), Traffic(6)]
    public void SwigluForward() => Times(b => b.SwigluForward(_x, _delta, _y));

    [Benchmark(OperationsPerInvoke = Calls), Traffic(10)]
    public void SwigluBackward() => Times(b => b.SwigluBackward(_y, _x, _delta, _x, _delta));

    [Benchmark(OperationsPerInvoke = Calls), Traffic(4)]
    public void RopeForward() => Times(b => b.RopeForward(_positions, _frequencies, _x));

    [GlobalCleanup]
    public void Cleanup() => _device.Dispose();

    private void Times(Action<Backend> call)
    {
        for (int i = 0; i < Calls; i++) call(_device.Backend);
        _device.Backend.Synchronize();
    }
}
