using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class RmsNormTests(DType type) : OpTest
{
    private const float Epsilon = 1e-5f;

    // Rows and columns: one, odd, a power of two, not a multiple of a vector, a head of Qwen3, a model's width, several chunks of rows,
    // wider than what the registers of a row hold, in vectors and not.
    private static readonly (int Rows, int Columns)[] Shapes =
        [(1, 1), (3, 7), (16, 64), (5, 100), (40, 128), (4, 2048), (2, 4096), (200, 9), (1, 8448), (1, 9001)];

    [TestCaseSource(nameof(Shapes))]
    public void Forward_matches_reference((int Rows, int Columns) shape)
    {
        (float[] x, float[] w, _) = Inputs(shape.Rows, shape.Columns);
        TensorView y = Unwritten(shape.Rows, shape.Columns, type), rstd = Unwritten(shape.Rows, 1);
        Backend.RmsNormForward(Upload(x, shape.Rows, shape.Columns, type), Upload(w, shape.Columns, 1), Epsilon, y, rstd);
        (double[] expected, double[] expectedRstd) = Reference.RmsNorm.Forward(x.Wide(), w.Wide(), Epsilon);
        Agreement.Close(Download(y), expected, Tolerance.For(type, shape.Columns), "y");
        Agreement.Close(Download(rstd), expectedRstd, Tolerance.For(DType.F32, shape.Columns), "rstd");
    }

    [TestCaseSource(nameof(Shapes))]
    public void Backward_matches_reference((int Rows, int Columns) shape)
    {
        (float[] x, float[] w, float[] dy) = Inputs(shape.Rows, shape.Columns);
        (float[] dx, float[] dw) = (Stored(Sample.Normal(x.Length, 5), type), Sample.Normal(w.Length, 6));
        (float[] gotX, float[] gotW) = Backward(dy, x, w, dx, dw);
        (double[] expectedX, double[] expectedW) = Reference.RmsNorm.Backward(dy.Wide(), x.Wide(), w.Wide(), Epsilon);
        Agreement.Close(gotX, [.. expectedX.Zip(dx, (a, b) => a + b)], Tolerance.For(type, shape.Columns), "dx");
        Agreement.Close(gotW, [.. expectedW.Zip(dw, (a, b) => a + b)], Tolerance.For(DType.F32, shape.Rows), "dw");
    }

    [Test]
    public void Forward_may_overwrite_its_input([Values(21, 32, 9000)] int columns)
    {
        (float[] x, float[] w, _) = Inputs(2, columns);
        TensorView apart = Unwritten(2, columns, type), inPlace = Upload(x, 2, columns, type), weight = Upload(w, columns, 1);
        Backend.RmsNormForward(inPlace, weight, Epsilon, apart, Unwritten(2, 1));
        Backend.RmsNormForward(inPlace, weight, Epsilon, inPlace, Unwritten(2, 1));
        Assert.That(Download(inPlace), Is.EqualTo(Download(apart)));
    }

    [Test]
    public void Rows_do_not_depend_on_their_neighbours()
    {
        (float[] x, float[] w, _) = Inputs(7, 96);
        TensorView all = Upload(x, 7, 96, type), weight = Upload(w, 96, 1), together = Unwritten(7, 96, type), alone = Unwritten(1, 96, type);
        Backend.RmsNormForward(all, weight, Epsilon, together, Unwritten(7, 1));
        Backend.RmsNormForward(all.Slice(5, 1), weight, Epsilon, alone, Unwritten(1, 1));
        Assert.That(Download(alone), Is.EqualTo(Download(together.Slice(5, 1))));
    }

    [Test]
    public void Backward_without_weight_gradient_gives_the_same_dx()
    {
        (float[] x, float[] w, float[] dy) = Inputs(6, 33);
        (float[] with, _) = Backward(dy, x, w, new float[x.Length], new float[w.Length]);
        (float[] without, _) = Backward(dy, x, w, new float[x.Length], null);
        Assert.That(without, Is.EqualTo(with));
    }

    [Test]
    public void A_row_of_zeros_stays_zero()
    {
        TensorView y = Unwritten(1, 12, type);
        Backend.RmsNormForward(New(1, 12, type), Upload(Sample.Normal(12, 1), 12, 1), Epsilon, y, Unwritten(1, 1));
        Assert.That(Download(y), Is.All.Zero);
    }

    [Test]
    public void The_same_inputs_give_the_same_bits()
    {
        (float[] x, float[] w, float[] dy) = Inputs(150, 70);
        (float[] dx, float[] dw) = Backward(dy, x, w, new float[x.Length], new float[w.Length]);
        (float[] again, float[] dwAgain) = Backward(dy, x, w, new float[x.Length], new float[w.Length]);
        Assert.That((again, dwAgain), Is.EqualTo((dx, dw)));
    }

    [Test]
    public void A_misshapen_weight_is_refused()
    {
        TensorView x = Unwritten(2, 8, type);
        Assert.That(
            () => Backend.RmsNormForward(x, Unwritten(9, 1), Epsilon, x, Unwritten(2, 1)),
            Throws.ArgumentException.With.Message.Contains("w: expected 8 elements of F32"));
    }

    protected (float[] X, float[] W, float[] DY) Inputs(int rows, int columns) =>
        (Stored(Sample.Normal(rows * columns, 1, 3), type), Sample.Normal(columns, 2), Stored(Sample.Normal(rows * columns, 3), type));

    protected (float[] DX, float[] DW) Backward(float[] dy, float[] x, float[] w, float[] dx, float[]? dw)
    {
        int columns = w.Length, rows = x.Length / columns;
        TensorView xs = Upload(x, rows, columns, type), ws = Upload(w, columns, 1), rstd = Unwritten(rows, 1);
        TensorView dxs = Upload(dx, rows, columns, type), dws = dw is null ? default : Upload(dw, columns, 1);
        Backend.RmsNormForward(xs, ws, Epsilon, Unwritten(rows, columns, type), rstd);
        Backend.RmsNormBackward(Upload(dy, rows, columns, type), xs, ws, rstd, dxs, dws);
        return (Download(dxs), dw is null ? [] : Download(dws));
    }
}
