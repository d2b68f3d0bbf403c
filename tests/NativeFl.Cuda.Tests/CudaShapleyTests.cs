using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

[Category("Kernels")]
internal sealed class CudaShapleyTests : ShapleyTests, ISharesBackend
{
    CudaBackend? ISharesBackend.Shared => Backend as CudaBackend;

    protected override int Many => TestDevice.IsEmulator ? 300 : 20_000;

    protected override Backend Open() => TestDevice.Open();

    protected override void Close(Backend backend) => TestDevice.Close(backend, Ran);

    // Whole marginals, and sums of them in the same order: the same bits.
    [Test]
    public void Votes_and_neighbours_are_those_of_the_CPU_bit_by_bit()
    {
        int[] weights = Sample.Integers(90, 1000, 6), keys = Keys(50, 40);
        PlayerOrders orders = new(12, 60) { Turns = 3, IsReversed = true }, plain = new(13, 60);
        using var cpu = new CpuTwin();
        Assert.That(Voting(weights, 20_000, orders, 4), Is.EqualTo(cpu.Voting(weights, 20_000, orders, 4)));
        Assert.That(Neighbours(keys, 50, 5, plain, 7), Is.EqualTo(cpu.Neighbours(keys, 50, 5, plain, 7)));
    }

    /// <summary>The same calls on the CPU.</summary>
    private sealed class CpuTwin : IDisposable
    {
        private readonly OpArena _arena = new();

        public double[] Voting(int[] weights, long quota, PlayerOrders orders, int parts) =>
            Run(weights.Length, parts, (partials, moments) => _arena.Backend.ShapleyVoting(_arena.Integers(weights), quota, orders, partials, moments));

        public double[] Neighbours(int[] keys, int players, int neighbours, PlayerOrders orders, int parts) =>
            Run(players, parts, (partials, moments) => _arena.Backend.ShapleyNeighbours(
                _arena.Integers(keys).Reshape(players, keys.Length / players), neighbours, orders, partials, moments));

        public void Dispose() => _arena.Dispose();

        private double[] Run(int players, int parts, Action<TensorView, TensorView> op)
        {
            TensorView moments = _arena.New(2, players, DType.F64);
            op(_arena.New(parts, 2 * players, DType.F64), moments);
            double[] values = new double[2 * players];
            _arena.Backend.Download<double>(moments, values);
            return values;
        }
    }
}
