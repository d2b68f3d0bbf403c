using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
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
        using var cpu = new CpuBackend(new CpuBackendOptions());
        Assert.That(Voting(weights, 20_000, orders, 4), Is.EqualTo(On(cpu, () => Voting(weights, 20_000, orders, 4))));
        Assert.That(Neighbours(keys, 50, 5, plain, 7), Is.EqualTo(On(cpu, () => Neighbours(keys, 50, 5, plain, 7))));
    }
}
