using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>Case G12, the optimiser over as many f32 parameters as rank 16 has on an 8 B Llama: bound by memory.</summary>
public class OptimiserBenchmarks
{
    private const int Calls = 10;

    private static readonly AdamWSegment[] Segments = [new(10, 1e-6f, 0.01f, 1)];

    private OpenedDevice _device = null!;
    private ParameterRange[] _ranges = [];
    private TensorView _gradients, _norms, _parameters, _firstMoments, _secondMoments;

    public static IEnumerable<RowShape> Shapes => [new RowShape(40960, 1024).OrTiny];

    [ParamsSource(nameof(Shapes))]
    public RowShape Shape { get; set; } = null!;

    [GlobalSetup]
    public void Setup()
    {
        _device = new OpenedDevice();
        TensorView Flat()
        {
            TensorView values = _device.Operands.Random(Shape.Rows, Shape.Columns, DType.F32);
            return values.Reshape((int)values.Count, 1);
        }
        (_gradients, _parameters, _firstMoments, _secondMoments) = (Flat(), Flat(), Flat(), Flat());
        _device.Backend.Fill(1, _secondMoments);
        _norms = _device.Operands.Random(1, 1, DType.F32);
        _ranges = [new ParameterRange(0, _gradients.Count, 0)];
        GradNorm();
    }

    [Benchmark(OperationsPerInvoke = Calls), Traffic(4)]
    public void GradNorm() => Times(b => b.GradNorm(_gradients, _ranges, _norms));

    [Benchmark(OperationsPerInvoke = Calls), Traffic(28)]
    public void AdamW() => Times(b => b.AdamW(_gradients, _norms, _ranges, Segments, _parameters, _firstMoments, _secondMoments));

    [GlobalCleanup]
    public void Cleanup() => _device.Dispose();

    private void Times(Action<Backend> call)
    {
        for (int i = 0; i < Calls; i++) call(_device.Backend);
        _device.Backend.Synchronize();
    }
}
