using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuAdamWTests : AdamWTests
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads() => SameBitsOnAnyThreads(() =>
    {
        (float[] p, float[] m, float[] v) = Step(Sample.Normal(Count, 1), Sample.Normal(Count, 2));
        return [.. p, .. m, .. v];
    });
}
