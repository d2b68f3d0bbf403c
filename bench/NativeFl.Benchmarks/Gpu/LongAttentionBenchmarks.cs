using BenchmarkDotNet.Attributes;
using NativeFl.Benchmarks.Kernels;
using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>Case G13, causal attention over 16,384 tokens in sequences of 2,048 and 8,192: bound by arithmetic.</summary>
public class LongAttentionBenchmarks
{
    private const int Calls = 4;

    private OpenedDevice _device = null!;
    private AttentionSpan[] _spans = [];
    private TensorView _q, _k, _v, _o, _lse, _dO, _delta, _dq, _dk, _dv;

    public static IEnumerable<AttentionCase> Cases => OpenedDevice.IsTiny
        ? [new(2, 1, 64, 64, 1)]
        : [new(32, 8, 64, 2048, 8), new(32, 8, 64, 8192, 2), new(32, 8, 128, 2048, 8), new(32, 8, 128, 8192, 2)];

    [ParamsSource(nameof(Cases))]
    public AttentionCase Case { get; set; } = null!;

    [GlobalSetup]
    public void Setup()
    {
        _device = new OpenedDevice();
        _spans = Case.Spans;
        int rows = Case.Length * Case.Sequences, width = Case.Heads * Case.Width, kvWidth = Case.KvHeads * Case.Width;
        DeviceOperands operands = _device.Operands;
        (_q, _o, _dO, _dq) = (operands.Random(rows, width), operands.Random(rows, width), operands.Random(rows, width), operands.Random(rows, width));
        (_k, _v, _dk, _dv) = (operands.Random(rows, kvWidth), operands.Random(rows, kvWidth), operands.Random(rows, kvWidth), operands.Random(rows, kvWidth));
        (_lse, _delta) = (operands.Random(rows, Case.Heads, DType.F32), operands.Random(rows, Case.Heads, DType.F32));
        Forward();
    }

    [Benchmark(OperationsPerInvoke = Calls), Work(1)]
    public void Forward() => Times(b => b.AttentionForward(_q, _k, _v, _spans, Case.Shape, _o, _lse));

    [Benchmark(OperationsPerInvoke = Calls), Work(2.5)]
    public void Backward() => Times(b => b.AttentionBackward(_dO, _q, _k, _v, _o, _lse, _spans, Case.Shape, _delta, _dq, _dk, _dv));

    [GlobalCleanup]
    public void Cleanup() => _device.Dispose();

    private void Times(Action<Backend> call)
    {
        for (int i = 0; i < Calls; i++) call(_device.Backend);
        _device.Backend.Synchronize();
    }
}
