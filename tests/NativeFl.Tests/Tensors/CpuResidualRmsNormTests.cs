using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuResidualRmsNormTests() : ResidualRmsNormTests(DType.F32)
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        (float[] x, float[] delta, float[] w) = Inputs(3000, 70);
        SameBitsOnAnyThreads(() =>
        {
            Result result = Run(x, delta, w);
            return [.. result.XOut, .. result.Y, .. result.Rstd, .. result.Products];
        });
    }
}
