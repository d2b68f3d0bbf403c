using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuKMeansTests : KMeansTests
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] x = Sample.Normal(700 * 70, 1), centres = Sample.Normal(11 * 70, 2);
        SameBitsOnAnyThreads(() =>
        {
            (int[] nearest, float[] distances) = Assign(x, centres, 70);
            return [.. distances, .. Update(x, nearest, centres, 70).Centres];
        });
    }

    [Test]
    public void A_row_of_no_cluster_is_refused() => Assert.That(
        () => Backend.KMeansUpdate(New(2, 3), UploadIntegers(0, 4), New(4, 3), New(4, 1, DType.I32)),
        Throws.ArgumentException.With.Message.Contains("nearest[1]: expected 0 .. 3, got 4"));
}
