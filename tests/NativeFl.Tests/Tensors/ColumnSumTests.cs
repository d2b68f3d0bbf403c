using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class ColumnSumTests(DType type) : OpTest
{
    // 65 rows are two chunks; 5,000 are more chunks than one block of rows each.
    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (3, 7), (64, 64), (65, 300), (5, 2049), (5000, 3)];

    [TestCaseSource(nameof(Shapes))]
    public void Sums_are_added_to_what_is_there((int Rows, int Columns) shape)
    {
        float[] x = Stored(Sample.Normal(shape.Rows * shape.Columns, 1), type), sums = Sample.Normal(shape.Columns, 2);
        (double[] expected, double[] magnitude) = Reference.ColumnSum.Accumulate(x.Wide(), sums.Wide());
        Tolerance.AssertClose(Sum(x, sums), expected, magnitude, Tolerance.For(DType.F32, shape.Rows + 1));
    }

    [Test]
    public void The_same_inputs_give_the_same_bits()
    {
        float[] x = Stored(Sample.Normal(700 * 40, 1), type), first = Sum(x, new float[40]);
        Assert.That(Sum(x, new float[40]), Is.EqualTo(first));
    }

    [Test]
    public void A_wrong_shape_is_named() => Assert.That(
        () => Backend.ColumnSum(Unwritten(2, 3), Unwritten(2, 1)),
        Throws.ArgumentException.With.Message.Contains("sums: expected 3 elements of F32, got F32 (2)"));

    protected float[] Sum(float[] x, float[] sums)
    {
        TensorView result = Upload(sums, sums.Length, 1);
        Backend.ColumnSum(Upload(x, x.Length / sums.Length, sums.Length, type), result);
        return Download(result);
    }
}
