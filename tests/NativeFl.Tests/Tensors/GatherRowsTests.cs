using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class GatherRowsTests(DType type) : OpTest
{
    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (9, 7), (64, 32), (50, 100), (5, 2048), (3, 6000)];

    /// <summary>What activations are stored as.</summary>
    protected DType Type => type;

    [TestCaseSource(nameof(Shapes))]
    public void Gather_matches_reference((int Rows, int Columns) shape)
    {
        float[] x = Stored(Sample.Normal(shape.Rows * shape.Columns, 1), type);
        int[] rows = Sample.Integers(shape.Rows + 3, shape.Rows, 2);
        TensorView y = Unwritten(rows.Length, shape.Columns, type);
        Backend.GatherRows(Upload(x, shape.Rows, shape.Columns, type), UploadIntegers(rows), y);
        Assert.That(Download(y).Wide(), Is.EqualTo(Reference.GatherRows.Gather(x.Wide(), shape.Columns, rows)));
    }

    [TestCaseSource(nameof(Shapes))]
    public void Scatter_matches_reference_and_leaves_other_rows((int Rows, int Columns) shape)
    {
        int[] rows = [.. Enumerable.Range(0, shape.Rows).Where(i => i % 3 != 1).Reverse()];
        float[] x = Stored(Sample.Normal(rows.Length * shape.Columns, 1), type), y = Stored(Sample.Normal(shape.Rows * shape.Columns, 2), type);
        TensorView result = Upload(y, shape.Rows, shape.Columns, type);
        Backend.ScatterRows(Upload(x, rows.Length, shape.Columns, type), UploadIntegers(rows), result);
        Assert.That(Download(result).Wide(), Is.EqualTo(Reference.GatherRows.Scatter(x.Wide(), shape.Columns, rows, y.Wide())));
    }

    [Test]
    public void Keys_and_values_are_scattered_together([Values(7, 64)] int columns)
    {
        int[] rows = [4, 0, 3];
        float[] k = Stored(Sample.Normal(3 * columns, 1), type), v = Stored(Sample.Normal(3 * columns, 2), type), held = Stored(Sample.Normal(5 * columns, 3), type);
        TensorView keys = Upload(held, 5, columns, type), values = Upload(held, 5, columns, type);
        Backend.ScatterRows(Upload(k, 3, columns, type), Upload(v, 3, columns, type), UploadIntegers(rows), keys, values);
        Assert.That(Download(keys).Wide(), Is.EqualTo(Reference.GatherRows.Scatter(k.Wide(), columns, rows, held.Wide())));
        Assert.That(Download(values).Wide(), Is.EqualTo(Reference.GatherRows.Scatter(v.Wide(), columns, rows, held.Wide())));
    }
}
