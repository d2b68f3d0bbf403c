using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class ResidualRmsNormTests
{
    private const float Epsilon = 1e-5f;

    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (3, 7), (16, 64), (5, 100), (300, 128), (4, 2048)];

    [TestCaseSource(nameof(Shapes))]
    public void Forward_matches_reference((int Rows, int Columns) shape)
    {
        (float[] x, float[] delta, float[] w) = Inputs(shape.Rows, shape.Columns);
        using var arena = new OpArena();
        Result got = Run(arena, x, delta, w);
        var (xOut, y, rstd, products) = Reference.ResidualRmsNorm.Forward(x.Wide(), delta.Wide(), w.Wide(), Epsilon);
        double bound = Tolerance.For(DType.F32, shape.Columns);
        Agreement.Close(got.XOut, xOut, Tolerance.For(DType.F32, 1), "xOut");
        Agreement.Close(got.Y, y, bound, "y");
        Agreement.Close(got.Rstd, rstd, bound, "rstd");
        Agreement.Close(got.Products, products, bound, "products");
    }

    [Test]
    public void Without_products_the_rest_is_the_same()
    {
        (float[] x, float[] delta, float[] w) = Inputs(6, 33);
        using var arena = new OpArena();
        Result with = Run(arena, x, delta, w), without = Run(arena, x, delta, w, withProducts: false);
        Assert.That((without.XOut, without.Y, without.Rstd), Is.EqualTo((with.XOut, with.Y, with.Rstd)));
    }

    [Test]
    public void The_sum_may_overwrite_x_and_the_norm_delta()
    {
        (float[] x, float[] delta, float[] w) = Inputs(4, 21);
        using var arena = new OpArena();
        Result apart = Run(arena, x, delta, w);
        TensorView sum = arena.Floats(x, 4, 21), norm = arena.Floats(delta, 4, 21), products = arena.Unwritten(4, 3);
        arena.Backend.ResidualRmsNormForward(sum, norm, arena.Floats(w, 21, 1), Epsilon, sum, norm, arena.Unwritten(4), products);
        Assert.That((arena.Read(sum), arena.Read(norm), arena.Read(products)), Is.EqualTo((apart.XOut, apart.Y, apart.Products)));
    }

    [Test]
    public void A_delta_of_zero_has_cosine_one()
    {
        (float[] x, _, float[] w) = Inputs(5, 40);
        using var arena = new OpArena();
        float[] products = Run(arena, x, new float[200], w).Products;
        for (int n = 0; n < 5; n++) Assert.That(products[3 * n] / Math.Sqrt((double)products[(3 * n) + 1] * products[(3 * n) + 2]), Is.EqualTo(1).Within(1e-7));
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        (float[] x, float[] delta, float[] w) = Inputs(3000, 70);
        Agreement.SameBitsOnAnyThreads(arena =>
        {
            Result result = Run(arena, x, delta, w);
            return [.. result.XOut, .. result.Y, .. result.Rstd, .. result.Products];
        });
    }

    [Test]
    public void Misshapen_products_are_refused()
    {
        using var arena = new OpArena();
        TensorView x = arena.Unwritten(2, 8);
        Assert.That(
            () => arena.Backend.ResidualRmsNormForward(x, x, arena.Unwritten(8), Epsilon, x, x, arena.Unwritten(2), arena.Unwritten(2)),
            Throws.ArgumentException.With.Message.Contains("products: expected F32 (2, 3)"));
    }

    private static (float[] X, float[] Delta, float[] W) Inputs(int rows, int columns) =>
        (Sample.Normal(rows * columns, 1, 3), Sample.Normal(rows * columns, 2), Sample.Normal(columns, 3));

    private static Result Run(OpArena arena, float[] x, float[] delta, float[] w, bool withProducts = true)
    {
        int columns = w.Length, rows = x.Length / columns;
        TensorView xOut = arena.Unwritten(rows, columns), y = arena.Unwritten(rows, columns), rstd = arena.Unwritten(rows);
        TensorView products = withProducts ? arena.Unwritten(rows, 3) : default;
        arena.Backend.ResidualRmsNormForward(
            arena.Floats(x, rows, columns), arena.Floats(delta, rows, columns), arena.Floats(w, columns, 1), Epsilon, xOut, y, rstd, products);
        return new Result(arena.Read(xOut), arena.Read(y), arena.Read(rstd), withProducts ? arena.Read(products) : []);
    }

    private sealed record Result(float[] XOut, float[] Y, float[] Rstd, float[] Products);
}
