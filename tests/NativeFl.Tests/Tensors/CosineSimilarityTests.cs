using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class CosineSimilarityTests(DType type) : OpTest
{
    // Rows and columns: one, odd, powers of two, no multiple of a vector, rows for many tasks, models' widths, wider than what the registers of
    // a row hold, in vectors and not.
    private static readonly (int Rows, int Columns)[] Shapes =
        [(1, 1), (3, 7), (16, 64), (5, 100), (70, 33), (4, 2048), (2, 4096), (1, 8448), (1, 9001)];

    [TestCaseSource(nameof(Shapes))]
    public void Products_match_reference((int Rows, int Columns) shape)
    {
        (float[] x, float[] y) = Inputs(shape.Rows, shape.Columns);
        double[] expected = Reference.CosineSimilarity.Products(x.Wide(), y.Wide(), shape.Columns);
        double[] magnitude = Reference.CosineSimilarity.Products(Magnitudes(x), Magnitudes(y), shape.Columns);
        Tolerance.AssertClose(Run(x, y, shape.Columns), expected, magnitude, Tolerance.For(DType.F32, shape.Columns));
    }

    [TestCaseSource(nameof(Shapes))]
    public void Of_a_residual_sum_they_are_those_of_its_norm_bit_by_bit((int Rows, int Columns) shape)
    {
        (int rows, int columns) = shape;
        (float[] x, float[] delta) = Inputs(rows, columns);
        TensorView sum = Unwritten(rows, columns, type), norm = Unwritten(rows, columns, type), products = Unwritten(rows, 3);
        Backend.ResidualRmsNormForward(
            Upload(x, rows, columns, type), Upload(delta, rows, columns, type), Unwritten(columns, 1), 1e-5f, sum, norm, Unwritten(rows, 1), products);
        Assert.That(Agreement.Bits(Run(x, Download(sum), columns)), Is.EqualTo(Agreement.Bits(Download(products))));
    }

    [TestCaseSource(nameof(Shapes))]
    public void Equal_rows_have_cosine_one((int Rows, int Columns) shape)
    {
        (float[] values, _) = Inputs(shape.Rows, shape.Columns);
        TensorView x = Upload(values, shape.Rows, shape.Columns, type), products = Unwritten(shape.Rows, 3);
        Backend.CosineSimilarity(x, x, products);
        Assert.That(Cosines(Download(products)), Is.All.EqualTo(1.0));
    }

    [Test]
    public void Opposite_rows_have_cosine_minus_one_whatever_their_length()
    {
        (float[] x, _) = Inputs(6, 130);
        float[] y = [.. x.Select(value => -4 * value)];
        Assert.That(Cosines(Run(x, y, 130)), Is.All.EqualTo(-1.0));
    }

    [Test]
    public void Swapping_the_rows_swaps_the_squares()
    {
        (float[] x, float[] y) = Inputs(9, 77);
        float[] products = Run(x, y, 77), swapped = Run(y, x, 77);
        Assert.That(swapped, Is.EqualTo(products.Chunk(3).SelectMany(row => new[] { row[0], row[2], row[1] })));
    }

    [Test]
    public void A_NaN_reaches_the_products_of_its_row_and_no_others([Values(0, 63, 99)] int column)
    {
        (float[] x, float[] y) = Inputs(4, 100);
        float[] clean = Run(x, y, 100);
        x[200 + column] = float.NaN;
        float[] dirty = Run(x, y, 100);
        Assert.That(dirty[6..8], Is.All.NaN);
        Assert.That(dirty[..6].Concat(dirty[8..]), Is.EqualTo(clean[..6].Concat(clean[8..])));
    }

    [Test]
    public void Rows_do_not_depend_on_their_neighbours([Values(7, 96, 100)] int columns)
    {
        (float[] x, float[] y) = Inputs(7, columns);
        TensorView together = Unwritten(7, 3), alone = Unwritten(1, 3), xs = Upload(x, 7, columns, type), ys = Upload(y, 7, columns, type);
        Backend.CosineSimilarity(xs, ys, together);
        Backend.CosineSimilarity(xs.Slice(5, 1), ys.Slice(5, 1), alone);
        Assert.That(Download(alone), Is.EqualTo(Download(together.Slice(5, 1))));
    }

    [Test]
    public void No_rows_write_nothing()
    {
        TensorView products = Unwritten(2, 3), x = Unwritten(2, 8, type);
        Backend.CosineSimilarity(x.Slice(1, 0), x.Slice(1, 0), products.Slice(1, 0));
        Assert.That(Download(products), Is.All.NaN);
        Backend.CosineSimilarity(New(1, 8, type), New(1, 8, type), products.Slice(1, 1));
        Assert.That(Download(products), Is.EqualTo(new[] { float.NaN, float.NaN, float.NaN, 0, 0, 0 }));
    }

    [Test]
    public void The_same_inputs_give_the_same_bits()
    {
        (float[] x, float[] y) = Inputs(30, 1025);
        float[] first = Run(x, y, 1025);
        Assert.That(Agreement.Bits(Run(x, y, 1025)), Is.EqualTo(Agreement.Bits(first)));
    }

    [Test]
    public void Misshapen_tensors_are_refused()
    {
        TensorView x = Unwritten(2, 8, type);
        Assert.That(
            () => Backend.CosineSimilarity(x, Unwritten(2, 9, type), Unwritten(2, 3)),
            Throws.ArgumentException.With.Message.Contains($"y: expected {type} (2, 8), got {type} (2, 9)"));
        Assert.That(
            () => Backend.CosineSimilarity(x, x, Unwritten(2, 1)),
            Throws.ArgumentException.With.Message.Contains("products: expected F32 (2, 3)"));
    }

    // In double, where the square root of a square is exact.
    private static IEnumerable<double> Cosines(float[] products) =>
        products.Chunk(3).Select(row => row[0] / Math.Sqrt((double)row[1] * row[2]));

    private static double[] Magnitudes(float[] values) => [.. values.Select(value => Math.Abs((double)value))];

    private (float[] X, float[] Y) Inputs(int rows, int columns) =>
        (Stored(Sample.Normal(rows * columns, 1, 3), type), Stored(Sample.Normal(rows * columns, 2), type));

    protected float[] Run(float[] x, float[] y, int columns)
    {
        int rows = x.Length / columns;
        TensorView products = Unwritten(rows, 3);
        Backend.CosineSimilarity(Upload(x, rows, columns, type), Upload(y, rows, columns, type), products);
        return Download(products);
    }
}
