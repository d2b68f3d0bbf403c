using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class DropoutTests
{
    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (9, 7), (8, 64), (10, 100), (12, 2048)];

    [TestCaseSource(nameof(Shapes))]
    public void Forward_matches_the_definition_bit_by_bit((int Rows, int Columns) shape)
    {
        float[] x = Sample.Normal(shape.Rows * shape.Columns, 1);
        using var arena = new OpArena();
        float[] y = Forward(arena, x, shape.Columns, Clients(shape.Rows), 0.3f);
        double[] expected = Reference.Dropout.Forward(x.Wide(), shape.Columns, Clients(shape.Rows), 5, 0.3f);
        Assert.That(y.Select(v => v == 0), Is.EqualTo(expected.Select(v => v == 0)));
        Agreement.Close(y, expected, Tolerance.For(DType.F32, 1));
    }

    [TestCaseSource(nameof(Shapes))]
    public void Backward_adds_the_same_mask((int Rows, int Columns) shape)
    {
        float[] dy = Sample.Normal(shape.Rows * shape.Columns, 1), dx = Sample.Normal(shape.Rows * shape.Columns, 2);
        using var arena = new OpArena();
        TensorView result = arena.Floats(dx, shape.Rows, shape.Columns);
        arena.Backend.DropoutBackward(arena.Floats(dy, shape.Rows, shape.Columns), Clients(shape.Rows), 5, 0.3f, result);
        double[] expected = Reference.Dropout.Backward(dy.Wide(), shape.Columns, Clients(shape.Rows), 5, 0.3f);
        Agreement.Close(arena.Read(result), [.. expected.Zip(dx, (a, b) => a + b)], Tolerance.For(DType.F32, 2));
    }

    [Test]
    public void Reference_backward_matches_finite_differences()
    {
        double[] x = Sample.Normal(4 * 6, 1).Wide(), weights = Sample.Normal(4 * 6, 2).Wide();
        double[] Output() => Reference.Dropout.Forward(x, 6, Clients(4), 5, 0.4);
        Agreement.CloseToDifferences(Reference.Dropout.Backward(weights, 6, Clients(4), 5, 0.4), Reference.FiniteDifference.Gradient(x, weights, Output));
    }

    [Test]
    public void A_client_draws_the_same_mask_alone_and_among_others()
    {
        const int columns = 37;
        float[] x = Sample.Normal(20 * columns, 1);
        using var arena = new OpArena();
        float[] together = Forward(arena, x, columns, [new(0, 8, 11, 3), new(8, 12, 22, 9)], 0.5f);
        float[] alone = Forward(arena, x[(8 * columns)..], columns, [new(0, 12, 22, 9)], 0.5f);
        Assert.That(together[(8 * columns)..], Is.EqualTo(alone));
    }

    [Test]
    public void Seed_step_module_and_token_each_change_the_mask()
    {
        float[] ones = [.. Enumerable.Repeat(1f, 256)];
        using var arena = new OpArena();
        float[] Mask(DropoutRows client, int module)
        {
            TensorView y = arena.Unwritten(1, 256);
            arena.Backend.DropoutForward(arena.Floats(ones, 1, 256), [client], module, 0.5f, y);
            return arena.Read(y);
        }

        float[][] masks = [Mask(new(0, 1, 1, 1), 1), Mask(new(0, 1, 2, 1), 1), Mask(new(0, 1, 1, 2), 1), Mask(new(0, 1, 1, 1), 2), Mask(new(0, 1, 1ul << 32, 1), 1)];
        float[] tokens = Forward(arena, [.. ones, .. ones], 256, [new(0, 2, 1, 1)], 0.5f), first = tokens[..256], second = tokens[256..];
        Assert.Multiple(() =>
        {
            Assert.That(masks.Select(mask => string.Join(',', mask)).Distinct().Count(), Is.EqualTo(masks.Length));
            Assert.That(first, Is.Not.EqualTo(second));
        });
    }

    [TestCase(0.05f)]
    [TestCase(0.5f)]
    [TestCase(0.9f)]
    public void The_share_of_zeros_is_the_rate(float rate)
    {
        const int count = 400 * 500;
        float[] ones = [.. Enumerable.Repeat(1f, count)];
        using var arena = new OpArena();
        float[] y = Forward(arena, ones, 500, [new(0, 400, 77, 1)], rate);

        // Five standard deviations of a binomial share.
        Assert.That(y.Count(v => v == 0) / (double)count, Is.EqualTo(rate).Within(5 * Math.Sqrt(rate * (1 - rate) / count)));
        Assert.That(y.Where(v => v != 0), Is.All.EqualTo((float)(1 / (1 - (double)rate))));
    }

    [Test]
    public void Rate_zero_changes_nothing_and_rows_of_no_client_are_copied()
    {
        float[] x = Sample.Normal(6 * 20, 1);
        using var arena = new OpArena();
        Assert.That(Forward(arena, x, 20, [new(0, 6, 1, 1)], 0), Is.EqualTo(x));
        float[] y = Forward(arena, x, 20, [new(2, 1, 1, 1), new(4, 1, 2, 1)], 0.5f);
        foreach (int row in new[] { 0, 1, 3, 5 }) Assert.That(y[(row * 20)..((row + 1) * 20)], Is.EqualTo(x[(row * 20)..((row + 1) * 20)]));
        Assert.That(y[40..60], Is.Not.EqualTo(x[40..60]));
    }

    [Test]
    public void A_dropped_NaN_is_gone()
    {
        float[] x = [.. Enumerable.Repeat(float.NaN, 64)];
        using var arena = new OpArena();
        float[] y = Forward(arena, x, 64, [new(0, 1, 1, 1)], 0.5f);
        Assert.That(y, Has.Some.Zero.And.Some.NaN);
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] x = Sample.Normal(300 * 130, 1);
        Agreement.SameBitsOnAnyThreads(arena => Forward(arena, x, 130, Clients(300), 0.3f));
    }

    [Test]
    public void Overlapping_rows_and_impossible_rates_are_refused()
    {
        using var arena = new OpArena();
        Assert.That(() => Forward(arena, new float[8], 2, [new(0, 3, 1, 1), new(2, 2, 1, 1)], 0.5f), Throws.ArgumentException.With.Message.Contains("disjoint"));
        Assert.That(() => Forward(arena, new float[8], 2, [], 1f), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => Forward(arena, new float[8], 2, [], float.NaN), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    /// <summary>Two clients with a row between them that is nobody's, where there is room.</summary>
    private static DropoutRows[] Clients(int rows) =>
        rows < 3 ? [new(0, rows, 0x123456789ABCDEF0, 7)] : [new(0, rows / 2, 0x123456789ABCDEF0, 7), new((rows / 2) + 1, rows - (rows / 2) - 1, 42, -1)];

    private static float[] Forward(OpArena arena, float[] x, int columns, DropoutRows[] clients, float rate)
    {
        TensorView y = arena.Unwritten(x.Length / columns, columns);
        arena.Backend.DropoutForward(arena.Floats(x, x.Length / columns, columns), clients, 5, rate, y);
        return arena.Read(y);
    }
}
