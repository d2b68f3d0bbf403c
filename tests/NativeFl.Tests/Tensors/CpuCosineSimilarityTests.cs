using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuCosineSimilarityTests() : CosineSimilarityTests(DType.F32)
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        (float[] x, float[] y) = (Sample.Normal(3000 * 70, 1), Sample.Normal(3000 * 70, 2));
        SameBitsOnAnyThreads(() => Run(x, y, 70));
    }
}
