using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class ResidualRmsNormTests(DType type) : OpTest
{
    private const float Epsilon = 1e-5f;

    private static readonly (int Rows, int Columns)[] Shapes =
        [(1, 1), (3, 7), (16, 64), (5, 100), (40, 128), (4, 2048), (2, 4096), (1, 8448), (1, 9001)];

    [TestCaseSource(nameof(Shapes))]
    public void Forward_matches_reference((int Rows, int Columns) shape)
    {
        (float[] x, float[] delta, float[] w) = Inputs(shape.Rows, shape.Columns);
        Result got = Run(x, delta, w);
        (double[] xOut, _, _, double[] products) = Reference.ResidualRmsNorm.Forward(x.Wide(), delta.Wide(), w.Wide(), Epsilon);
        Agreement.Close(got.XOut, xOut, Tolerance.For(type, 1), "xOut");
        Agreement.Close(got.Products, products, Tolerance.For(type, shape.Columns), "products");

        // The norm is that of the sum as it is stored.
        (double[] y, double[] rstd) = Reference.RmsNorm.Forward(got.XOut.Wide(), w.Wide(), Epsilon);
        Agreement.Close(got.Y, y, Tolerance.For(type, shape.Columns), "y");
        Agreement.Close(got.Rstd, rstd, Tolerance.For(DType.F32, shape.Columns), "rstd");
    }

    [Test]
    public void It_is_the_sum_and_the_norm_bit_by_bit()
    {
        (float[] x, float[] delta, float[] w) = Inputs(5, 200);
        Result got = Run(x, delta, w);
        TensorView sum = Upload(x, 5, 200, type), y = Unwritten(5, 200, type), rstd = Unwritten(5, 1);
        Backend.AddScaled(Upload(delta, 5, 200, type), 1, sum);
        Backend.RmsNormForward(sum, Upload(w, 200, 1), Epsilon, y, rstd);
        Assert.That((got.XOut, got.Y, got.Rstd), Is.EqualTo((Download(sum), Download(y), Download(rstd))));
    }

    [Test]
    public void Without_products_the_rest_is_the_same()
    {
        (float[] x, float[] delta, float[] w) = Inputs(6, 33);
        Result with = Run(x, delta, w), without = Run(x, delta, w, withProducts: false);
        Assert.That((without.XOut, without.Y, without.Rstd), Is.EqualTo((with.XOut, with.Y, with.Rstd)));
    }

    [Test]
    public void The_sum_may_overwrite_x_and_the_norm_delta([Values(21, 64, 9000)] int columns)
    {
        (float[] x, float[] delta, float[] w) = Inputs(2, columns);
        Result apart = Run(x, delta, w);
        TensorView sum = Upload(x, 2, columns, type), norm = Upload(delta, 2, columns, type), products = Unwritten(2, 3);
        Backend.ResidualRmsNormForward(sum, norm, Upload(w, columns, 1), Epsilon, sum, norm, Unwritten(2, 1), products);
        Assert.That((Download(sum), Download(norm), Download(products)), Is.EqualTo((apart.XOut, apart.Y, apart.Products)));
    }

    [Test]
    public void A_delta_of_zero_has_cosine_one()
    {
        (float[] x, _, float[] w) = Inputs(5, 40);
        foreach (float[] row in Run(x, new float[200], w).Products.Chunk(3)) Assert.That(row[0] / Math.Sqrt((double)row[1] * row[2]), Is.EqualTo(1).Within(1e-7));
    }

    [Test]
    public void Misshapen_products_are_refused()
    {
        TensorView x = Unwritten(2, 8, type);
        Assert.That(
            () => Backend.ResidualRmsNormForward(x, x, Unwritten(8, 1), Epsilon, x, x, Unwritten(2, 1), Unwritten(2, 1)),
            Throws.ArgumentException.With.Message.Contains("products: expected F32 (2, 3)"));
    }

    protected (float[] X, float[] Delta, float[] W) Inputs(int rows, int columns) =>
        (Stored(Sample.Normal(rows * columns, 1, 3), type), Stored(Sample.Normal(rows * columns, 2), type), Sample.Normal(columns, 3));

    protected Result Run(float[] x, float[] delta, float[] w, bool withProducts = true)
    {
        int columns = w.Length, rows = x.Length / columns;
        TensorView xOut = Unwritten(rows, columns, type), y = Unwritten(rows, columns, type), rstd = Unwritten(rows, 1);
        TensorView products = withProducts ? Unwritten(rows, 3) : default;
        Backend.ResidualRmsNormForward(
            Upload(x, rows, columns, type), Upload(delta, rows, columns, type), Upload(w, columns, 1), Epsilon, xOut, y, rstd, products);
        return new Result(Download(xOut), Download(y), Download(rstd), withProducts ? Download(products) : []);
    }

    protected sealed record Result(float[] XOut, float[] Y, float[] Rstd, float[] Products);
}
