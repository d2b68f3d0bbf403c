using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuGradNormTests : GradNormTests
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] gradients = Sample.Normal(300000, 1);
        SameBitsOnAnyThreads(() => Norms(gradients, [new(0, 120001, 0), new(120001, 179999, 1)], 2));
    }
}
