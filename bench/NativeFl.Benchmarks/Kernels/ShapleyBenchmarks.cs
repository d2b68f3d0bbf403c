using BenchmarkDotNet.Attributes;
using NativeFl.Benchmarks.Gpu;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Kernels;

/// <summary>
/// Marginals of 1,000 players along random orders: times are per order, drawing it included. The quadratic game has rows of 64 numbers and takes
/// 6 n d operations an order; the vote is little more than the drawing. The peer:
/// <c>bench/peers/shapley_peer.py --device cpu --batch 64 --items 'voting|d = 64'</c>.
/// </summary>
public class ShapleyBenchmarks
{
    private const int Players = 1000, Width = 64, Orders = 1024;

    private CpuBackend _backend = null!;
    private ShapleyOperands _operands = null!;
    private TensorView _gains, _rows, _weights;
    private long _quota;

    /// <summary>0 = all cores.</summary>
    [Params(1, 0)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = Threads });
        _operands = new ShapleyOperands(_backend, Players, 64);
        _gains = _operands.Floats("gains", Players, 1);
        _rows = _operands.Floats("rows", Players, Width);
        (_weights, _quota) = _operands.Votes();
    }

    [Benchmark(OperationsPerInvoke = Orders), Work(6.0 * Players * Width)]
    public void Quadratic() => _backend.ShapleyQuadratic(_gains, _rows, new PlayerOrders(1, Orders), _operands.Partials, _operands.Moments);

    [Benchmark(OperationsPerInvoke = Orders)]
    public void Voting() => _backend.ShapleyVoting(_weights, _quota, new PlayerOrders(1, Orders), _operands.Partials, _operands.Moments);

    [GlobalCleanup]
    public void Cleanup()
    {
        _operands.Dispose();
        _backend.Dispose();
    }
}
