using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuRmsNormTests() : RmsNormTests(DType.F32)
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void More_rows_than_blocks_match_the_reference()
    {
        Forward_matches_reference((20_000, 9));
        Backward_matches_reference((20_000, 9));
    }

    [Test]
    public void Reference_backward_matches_finite_differences()
    {
        (double[] x, double[] w, double[] dy) = (Sample.Normal(15, 1).Wide(), Sample.Normal(5, 2).Wide(), Sample.Normal(15, 3).Wide());
        double[] Output() => Reference.RmsNorm.Forward(x, w, 1e-5).Y;
        (double[] dx, double[] dw) = Reference.RmsNorm.Backward(dy, x, w, 1e-5);
        Agreement.CloseToDifferences(dx, Reference.FiniteDifference.Gradient(x, dy, Output), "dx");
        Agreement.CloseToDifferences(dw, Reference.FiniteDifference.Gradient(w, dy, Output), "dw");
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        (float[] x, float[] w, float[] dy) = Inputs(3000, 70);
        SameBitsOnAnyThreads(() =>
        {
            (float[] dx, float[] dw) = Backward(dy, x, w, new float[x.Length], new float[w.Length]);
            return [.. dx, .. dw];
        });
    }
}
