using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// Case G12, attention of one decoded token of one sequence, 32 heads on 8 key heads of width 128: bound by memory if every multiprocessor reads.
/// The parameter is a layer's keys, of which as many layers follow each other as do not fit the caches.
/// </summary>
public class DecodedAttentionBenchmarks
{
    private const int Layers = 20, Heads = 32, HeadWidth = 128;

    private readonly TensorView[] _keys = new TensorView[Layers], _values = new TensorView[Layers];
    private OpenedDevice _device = null!;
    private TensorView _q, _o, _lse;

    public static IEnumerable<RowShape> Shapes => [new RowShape(2048, 1024).OrTiny, new RowShape(8192, 1024).OrTiny];

    [ParamsSource(nameof(Shapes))]
    public RowShape Shape { get; set; } = null!;

    [GlobalSetup]
    public void Setup()
    {
        _device = new OpenedDevice();
        for (int i = 0; i < Layers; i++) (_keys[i], _values[i]) = (_device.Operands.Random(Shape.Rows, Shape.Columns), _device.Operands.Random(Shape.Rows, Shape.Columns));
        (_q, _o) = (_device.Operands.Random(1, Heads * HeadWidth), _device.Operands.Random(1, Heads * HeadWidth));
        _lse = _device.Operands.Random(1, Heads, DType.F32);
    }

    [Benchmark(OperationsPerInvoke = Layers), Traffic(4)]
    public void DecodedAttention()
    {
        AttentionSpan[] spans = [new(0, 1, 0, Shape.Rows)];
        var shape = new AttentionShape(Heads, Shape.Columns / HeadWidth, HeadWidth, 1 / MathF.Sqrt(HeadWidth));
        for (int i = 0; i < Layers; i++) _device.Backend.AttentionForward(_q, _keys[i], _values[i], spans, shape, _o, _lse);
        _device.Backend.Synchronize();
    }

    [GlobalCleanup]
    public void Cleanup() => _device.Dispose();
}
