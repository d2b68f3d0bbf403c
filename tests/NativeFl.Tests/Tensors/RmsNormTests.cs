using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class RmsNormTests
{
    private const float Epsilon = 1e-5f;

    // Rows and columns: one, odd, a power of two, not a multiple of a vector, a head of Qwen3, a model's width, more rows than blocks.
    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (3, 7), (16, 64), (5, 100), (300, 128), (4, 2048), (20000, 9)];

    [TestCaseSource(nameof(Shapes))]
    public void Forward_matches_reference((int Rows, int Columns) shape)
    {
        (float[] x, float[] w) = (Sample.Normal(shape.Rows * shape.Columns, 1, 3), Sample.Normal(shape.Columns, 2));
        using var arena = new OpArena();
        TensorView y = arena.Unwritten(shape.Rows, shape.Columns), rstd = arena.Unwritten(shape.Rows);
        arena.Backend.RmsNormForward(arena.Floats(x, shape.Rows, shape.Columns), arena.Floats(w, shape.Columns, 1), Epsilon, y, rstd);
        (double[] expected, double[] expectedRstd) = Reference.RmsNorm.Forward(x.Wide(), w.Wide(), Epsilon);
        Agreement.Close(arena.Read(y), expected, Tolerance.For(DType.F32, shape.Columns), "y");
        Agreement.Close(arena.Read(rstd), expectedRstd, Tolerance.For(DType.F32, shape.Columns), "rstd");
    }

    [TestCaseSource(nameof(Shapes))]
    public void Backward_matches_reference((int Rows, int Columns) shape)
    {
        (float[] dx, float[] dw) = (Sample.Normal(shape.Rows * shape.Columns, 5), Sample.Normal(shape.Columns, 6));
        (float[] x, float[] w, float[] dy) = Inputs(shape.Rows, shape.Columns);
        using var arena = new OpArena();
        (float[] gotX, float[] gotW) = Backward(arena, dy, x, w, dx, dw);
        (double[] expectedX, double[] expectedW) = Reference.RmsNorm.Backward(dy.Wide(), x.Wide(), w.Wide(), Epsilon);
        Agreement.Close(gotX, [.. expectedX.Zip(dx, (a, b) => a + b)], Tolerance.For(DType.F32, shape.Columns), "dx");
        Agreement.Close(gotW, [.. expectedW.Zip(dw, (a, b) => a + b)], Tolerance.For(DType.F32, shape.Rows), "dw");
    }

    [Test]
    public void Reference_backward_matches_finite_differences()
    {
        (float[] fx, float[] fw, float[] fdy) = Inputs(3, 5);
        (double[] x, double[] w, double[] dy) = (fx.Wide(), fw.Wide(), fdy.Wide());
        double[] Output() => Reference.RmsNorm.Forward(x, w, Epsilon).Y;
        (double[] dx, double[] dw) = Reference.RmsNorm.Backward(dy, x, w, Epsilon);
        Agreement.CloseToDifferences(dx, Reference.FiniteDifference.Gradient(x, dy, Output), "dx");
        Agreement.CloseToDifferences(dw, Reference.FiniteDifference.Gradient(w, dy, Output), "dw");
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        (float[] x, float[] w, float[] dy) = Inputs(3000, 70);
        Agreement.SameBitsOnAnyThreads(arena =>
        {
            (float[] dx, float[] dw) = Backward(arena, dy, x, w, new float[x.Length], new float[w.Length]);
            return [.. dx, .. dw];
        });
    }

    [Test]
    public void Forward_may_overwrite_its_input()
    {
        (float[] x, float[] w, _) = Inputs(4, 21);
        using var arena = new OpArena();
        TensorView apart = arena.Unwritten(4, 21), inPlace = arena.Floats(x, 4, 21), weight = arena.Floats(w, 21, 1);
        arena.Backend.RmsNormForward(inPlace, weight, Epsilon, apart, arena.Unwritten(4));
        arena.Backend.RmsNormForward(inPlace, weight, Epsilon, inPlace, arena.Unwritten(4));
        Assert.That(arena.Read(inPlace), Is.EqualTo(arena.Read(apart)));
    }

    [Test]
    public void Backward_without_weight_gradient_gives_the_same_dx()
    {
        (float[] x, float[] w, float[] dy) = Inputs(6, 33);
        using var arena = new OpArena();
        (float[] with, _) = Backward(arena, dy, x, w, new float[x.Length], new float[w.Length]);
        (float[] without, _) = Backward(arena, dy, x, w, new float[x.Length], null);
        Assert.That(without, Is.EqualTo(with));
    }

    [Test]
    public void A_row_of_zeros_stays_zero()
    {
        using var arena = new OpArena();
        TensorView y = arena.Unwritten(1, 12);
        arena.Backend.RmsNormForward(arena.Floats(new float[12], 1, 12), arena.Floats(Sample.Normal(12, 1), 12, 1), Epsilon, y, arena.Unwritten(1));
        Assert.That(arena.Read(y), Is.All.Zero);
    }

    [Test]
    public void A_misshapen_weight_is_refused()
    {
        using var arena = new OpArena();
        TensorView x = arena.Unwritten(2, 8);
        Assert.That(
            () => arena.Backend.RmsNormForward(x, arena.Unwritten(9), Epsilon, x, arena.Unwritten(2)),
            Throws.ArgumentException.With.Message.Contains("w: expected 8 elements of F32"));
    }

    private static (float[] X, float[] W, float[] DY) Inputs(int rows, int columns) =>
        (Sample.Normal(rows * columns, 1), Sample.Normal(columns, 2), Sample.Normal(rows * columns, 3));

    private static (float[] DX, float[] DW) Backward(OpArena arena, float[] dy, float[] x, float[] w, float[] dx, float[]? dw)
    {
        int columns = w.Length, rows = x.Length / columns;
        TensorView xs = arena.Floats(x, rows, columns), ws = arena.Floats(w, columns, 1), rstd = arena.Unwritten(rows);
        TensorView dxs = arena.Floats(dx, rows, columns), dws = dw is null ? default : arena.Floats(dw, columns, 1);
        arena.Backend.RmsNormForward(xs, ws, Epsilon, arena.Unwritten(rows, columns), rstd);
        arena.Backend.RmsNormBackward(arena.Floats(dy, rows, columns), xs, ws, rstd, dxs, dws);
        return (arena.Read(dxs), dw is null ? [] : arena.Read(dws));
    }
}
