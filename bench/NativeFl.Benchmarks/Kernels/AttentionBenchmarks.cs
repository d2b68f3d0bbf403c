using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Kernels;

/// <summary>Bound by arithmetic: a forward does two products of each tile, a backward five.</summary>
public class AttentionBenchmarks
{
    private readonly OperandSet _operands = new();
    private CpuBackend _backend = null!;
    private TensorView _q, _k, _v, _o, _lse, _dO, _delta, _dq, _dk, _dv;
    private AttentionSpan[] _spans = [];

    public static IEnumerable<AttentionCase> Cases => [new(32, 4, 64, 512, 1), new(8, 8, 64, 2048, 1), new(8, 2, 128, 1024, 1), new(8, 4, 32, 256, 4)];

    [ParamsSource(nameof(Cases))]
    public AttentionCase Case { get; set; } = null!;

    /// <summary>0 = all cores.</summary>
    [Params(1, 0)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = Threads });
        _spans = Case.Spans;
        int rows = Case.Length * Case.Sequences, width = Case.Heads * Case.Width, kvWidth = Case.KvHeads * Case.Width;
        _q = _operands.Random(_backend, rows, width);
        _k = _operands.Random(_backend, rows, kvWidth);
        _v = _operands.Random(_backend, rows, kvWidth);
        _o = _operands.Random(_backend, rows, width);
        _lse = _operands.Random(_backend, rows, Case.Heads);
        _dO = _operands.Random(_backend, rows, width);
        _delta = _operands.Random(_backend, rows, Case.Heads);
        _dq = _operands.Random(_backend, rows, width);
        _dk = _operands.Random(_backend, rows, kvWidth);
        _dv = _operands.Random(_backend, rows, kvWidth);
        Forward();
    }

    [Benchmark, Work(1)]
    public void Forward() => _backend.AttentionForward(_q, _k, _v, _spans, Case.Shape, _o, _lse);

    [Benchmark, Work(2.5)]
    public void Backward() => _backend.AttentionBackward(_dO, _q, _k, _v, _o, _lse, _spans, Case.Shape, _delta, _dq, _dk, _dv);

    [GlobalCleanup]
    public void Cleanup()
    {
        _operands.Dispose();
        _backend.Dispose();
    }
}
