using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuAddScaledTests() : AddScaledTests(DType.F32)
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Long_tensors_match_the_reference() => Forward_matches_reference(100_003);

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] x = Sample.Normal(100_003, 1);
        SameBitsOnAnyThreads(() => Sum(x, 0.3f, x));
    }
}
