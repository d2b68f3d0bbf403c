using NativeFl.Tensors;
using NativeFl.Tests.Reference;

namespace NativeFl.Tests.Tensors;

public sealed class ColumnSumTests
{
    [Test]
    public void Sums_are_added_to_what_is_there(
        [Values(1, 3, 64, 500)] int rows, [Values(1, 7, 64, 300, 2049)] int columns, [Values(1, 2, 3)] int threads)
    {
        using var bench = new TensorBench(threads);
        float[] x = bench.Random(rows * columns), sums = bench.Random(columns);
        TensorView result = bench.Tensor(sums, columns, 1);
        bench.Backend.ColumnSum(bench.Tensor(x, rows, columns), result);
        (double[] expected, double[] magnitude) = ColumnSum.Accumulate(TensorBench.Wide(x), TensorBench.Wide(sums));
        Tolerance.AssertClose(TensorBench.Values(result), expected, magnitude, Tolerance.For(DType.F32, rows + 1));
    }

    [Test]
    public void A_wrong_shape_is_named()
    {
        using var bench = new TensorBench();
        Assert.That(
            () => bench.Backend.ColumnSum(bench.Empty(2, 3), bench.Empty(2, 1)),
            Throws.ArgumentException.With.Message.Contains("sums: expected 3 elements of F32, got F32 (2)"));
    }
}
