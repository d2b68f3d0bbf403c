using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuGatherRowsTests() : GatherRowsTests(DType.F32)
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Reference_scatter_is_the_transpose_of_gather()
    {
        int[] rows = [4, 0, 2];
        double[] x = Sample.Normal(5 * 3, 1).Wide(), weights = Sample.Normal(3 * 3, 2).Wide();
        double[] Output() => Reference.GatherRows.Gather(x, 3, rows);
        Agreement.CloseToDifferences(Reference.GatherRows.Scatter(weights, 3, rows, new double[15]), Reference.FiniteDifference.Gradient(x, weights, Output));
    }

    [TestCase(-1)]
    [TestCase(2)]
    public void A_row_outside_is_refused(int row)
    {
        TensorView x = Unwritten(2, 3), y = Unwritten(1, 3), rows = UploadIntegers(row);
        Assert.That(() => Backend.GatherRows(x, rows, y), Throws.ArgumentException.With.Message.Contains("rows[0]: expected 0 .. 1"));
        Assert.That(() => Backend.ScatterRows(y, rows, x), Throws.ArgumentException.With.Message.Contains("rows[0]: expected 0 .. 1"));
    }
}
