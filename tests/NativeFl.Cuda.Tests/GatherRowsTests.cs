using NativeFl.Tensors;
using NativeFl.Tests.Tensors;
using Reference = NativeFl.Tests.Reference;

namespace NativeFl.Cuda.Tests;

internal sealed class GatherRowsTests : CudaTest
{
    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (9, 7), (64, 32), (50, 100), (5, 2048), (3, 6000)];

    [Test]
    public void Gather_matches_reference(
        [ValueSource(nameof(Shapes))] (int Rows, int Columns) shape, [Values(DType.F32, DType.BF16)] DType type)
    {
        float[] x = Stored(Sample.Normal(shape.Rows * shape.Columns, 1), type);
        int[] rows = Sample.Integers(shape.Rows + 3, shape.Rows, 2);
        TensorView y = Unwritten(rows.Length, shape.Columns, type);
        Backend.GatherRows(Upload(x, shape.Rows, shape.Columns, type), UploadIntegers(rows), y);
        Assert.That(Download(y).Wide(), Is.EqualTo(Reference.GatherRows.Gather(x.Wide(), shape.Columns, rows)));
    }

    [Test]
    public void Scatter_matches_reference_and_leaves_other_rows(
        [ValueSource(nameof(Shapes))] (int Rows, int Columns) shape, [Values(DType.F32, DType.BF16)] DType type)
    {
        int[] rows = [.. Enumerable.Range(0, shape.Rows).Where(i => i % 3 != 1).Reverse()];
        float[] x = Stored(Sample.Normal(rows.Length * shape.Columns, 1), type), y = Stored(Sample.Normal(shape.Rows * shape.Columns, 2), type);
        TensorView result = Upload(y, shape.Rows, shape.Columns, type);
        Backend.ScatterRows(Upload(x, rows.Length, shape.Columns, type), UploadIntegers(rows), result);
        Assert.That(Download(result).Wide(), Is.EqualTo(Reference.GatherRows.Scatter(x.Wide(), shape.Columns, rows, y.Wide())));
    }

    [Test]
    public void A_row_outside_is_NaN_where_it_is_read_and_nowhere_where_it_is_written(
        [Values(3, 8)] int columns, [Values(DType.F32, DType.BF16)] DType type)
    {
        float[] x = Stored(Sample.Normal(2 * columns, 1), type);
        TensorView rows = UploadIntegers([-1, 1, 2]), y = Upload(new float[3 * columns], 3, columns, type), back = Upload(x, 2, columns, type);
        Backend.GatherRows(Upload(x, 2, columns, type), rows, y);
        float[] got = Download(y);
        Assert.That(got[..columns].Concat(got[(2 * columns)..]), Is.All.NaN);
        Assert.That(got[columns..(2 * columns)], Is.EqualTo(x[columns..]));
        Backend.ScatterRows(y, rows, back);
        Assert.That(Download(back), Is.EqualTo(x));
    }
}
