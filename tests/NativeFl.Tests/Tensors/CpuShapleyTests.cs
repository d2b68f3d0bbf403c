using System.Runtime.InteropServices;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuShapleyTests : ShapleyTests
{
    protected override int Many => 20_000;

    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads() => SameBitsOnAnyThreads(() =>
    {
        double[] moments = Quadratic(Sample.Normal(100, 1), Sample.Normal(100 * 17, 2), 17, new PlayerOrders(3, 200), 13);
        return MemoryMarshal.Cast<double, float>(moments.AsSpan()).ToArray();
    });
}
