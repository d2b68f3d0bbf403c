using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuSwigluTests() : SwigluTests(DType.F32)
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Reference_backward_matches_finite_differences()
    {
        (double[] gate, double[] up, double[] dy) = (Sample.Normal(12, 1, 3).Wide(), Sample.Normal(12, 2).Wide(), Sample.Normal(12, 3).Wide());
        double[] Output() => Reference.Swiglu.Forward(gate, up);
        (double[] dGate, double[] dUp) = Reference.Swiglu.Backward(dy, gate, up);
        Agreement.CloseToDifferences(dGate, Reference.FiniteDifference.Gradient(gate, dy, Output), "dGate");
        Agreement.CloseToDifferences(dUp, Reference.FiniteDifference.Gradient(up, dy, Output), "dUp");
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        (float[] gate, float[] up, _) = Inputs(70_001);
        SameBitsOnAnyThreads(() => Forward(gate, up, 1));
    }
}
