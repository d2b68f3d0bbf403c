using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuColumnSumTests() : ColumnSumTests(DType.F32)
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads([Values(1, 64, 500)] int rows, [Values(7, 300, 2049)] int columns)
    {
        float[] x = Sample.Normal(rows * columns, 1);
        SameBitsOnAnyThreads(() => Sum(x, new float[columns]));
    }
}
