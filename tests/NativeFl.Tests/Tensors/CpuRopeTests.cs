using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuRopeTests() : RopeTests(DType.F32)
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Reference_backward_matches_finite_differences()
    {
        int[] positions = [0, 3, 11];
        double[] frequencies = [1, 0.3], x = Sample.Normal(3 * 8, 1).Wide(), weights = Sample.Normal(3 * 8, 2).Wide();
        double[] Output() => Reference.Rope.Forward(positions, frequencies, x);
        Agreement.CloseToDifferences(Reference.Rope.Backward(positions, frequencies, weights), Reference.FiniteDifference.Gradient(x, weights, Output));
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] x = Sample.Normal(600 * 96, 1);
        int[] positions = [.. Enumerable.Range(0, 600).Select(i => i % 300)];
        SameBitsOnAnyThreads(() => Rotate(positions, Frequencies(32), x));
    }
}
