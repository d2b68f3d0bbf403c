using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>Case G12, the cross-entropy with its gradient in place over a large vocabulary, in f32: bound by memory if a row is read once.</summary>
public class HeadBenchmarks
{
    private const int Calls = 10;

    private OpenedDevice _device = null!;
    private TensorView _labels, _weights, _logits, _losses;

    public static IEnumerable<RowShape> Shapes => [new RowShape(4096, 128256).OrTiny];

    [ParamsSource(nameof(Shapes))]
    public RowShape Shape { get; set; } = null!;

    [GlobalSetup]
    public void Setup()
    {
        _device = new OpenedDevice();
        _labels = _device.Operands.Integers(Shape.Rows, row => row % Shape.Columns);
        _weights = _device.Operands.Random(Shape.Rows, 1, DType.F32);
        _logits = _device.Operands.Random(Shape.Rows, Shape.Columns, DType.F32);
        _losses = _device.Operands.Random(Shape.Rows, 1, DType.F32);
    }

    [Benchmark(OperationsPerInvoke = Calls), Traffic(8)]
    public void CrossEntropyWithGradient()
    {
        for (int i = 0; i < Calls; i++) _device.Backend.CrossEntropy(_labels, _weights, withGradient: true, _logits, _losses);
        _device.Backend.Synchronize();
    }

    [GlobalCleanup]
    public void Cleanup() => _device.Dispose();
}
