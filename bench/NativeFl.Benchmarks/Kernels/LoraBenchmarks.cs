using BenchmarkDotNet.Attributes;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Kernels;

/// <summary>The adapter stack alone: one client of a large model, ten small ones, and one of a small model.</summary>
public class LoraBenchmarks
{
    private readonly OperandSet _operands = new();
    private CpuBackend _backend = null!;
    private TensorView _x, _y, _a, _b, _s, _ds, _da, _db, _dx;
    private LoraGroup[] _groups = [];

    public static IEnumerable<LoraShape> Shapes => [new(1, 512, 16, 2048, 2048), new(10, 64, 8, 2048, 2048), new(1, 1024, 16, 192, 512)];

    [ParamsSource(nameof(Shapes))]
    public LoraShape Shape { get; set; } = null!;

    /// <summary>0 = all cores.</summary>
    [Params(1, 0)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = Threads });
        int rows = Shape.Clients * Shape.Rows, ranks = Shape.Clients * Shape.Rank;
        _x = _operands.Random(_backend, rows, Shape.Inputs);
        _dx = _operands.Random(_backend, rows, Shape.Inputs);
        _y = _operands.Random(_backend, rows, Shape.Outputs);
        _a = _operands.Random(_backend, ranks, Shape.Inputs);
        _da = _operands.Random(_backend, ranks, Shape.Inputs);
        _b = _operands.Random(_backend, ranks, Shape.Outputs);
        _db = _operands.Random(_backend, ranks, Shape.Outputs);
        _s = _operands.Random(_backend, rows, Shape.Rank);
        _ds = _operands.Random(_backend, rows, Shape.Rank);
        _groups = new LoraGroup[Shape.Clients];
        for (int k = 0; k < Shape.Clients; k++) _groups[k] = new LoraGroup(k * Shape.Rows, Shape.Rows, k * Shape.Rank, Shape.Rank, 0, 2f);
    }

    [Benchmark, Work(1)]
    public void Forward() => _backend.LoraForward(_x, _a, _b, _groups, _s, _y);

    [Benchmark, Work(2)]
    public void Backward() => _backend.LoraBackward(_y, _x, _a, _b, _s, _groups, _ds, _da, _db, _dx);

    [GlobalCleanup]
    public void Cleanup()
    {
        _operands.Dispose();
        _backend.Dispose();
    }
}
