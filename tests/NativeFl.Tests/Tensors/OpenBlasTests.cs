using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

public sealed class OpenBlasTests
{
    [Test]
    public void An_absent_library_is_one_line_that_names_it()
    {
        Assert.That(
            () => OpenBlas.Load(1, ["libnowhere.so.7"]),
            Throws.TypeOf<RunFailedException>()
                .With.Message.EqualTo("--blas openblas: the library is not installed (looked for libnowhere.so.7)"));
    }

    /// <summary>A bench on OpenBLAS; the test is skipped where the library is not installed.</summary>
    internal static TensorBench Bench()
    {
        try
        {
            return new TensorBench(2, blas: CpuBlas.OpenBlas);
        }
        catch (RunFailedException absent)
        {
            Assert.Ignore(absent.Message);
            throw;
        }
    }
}
