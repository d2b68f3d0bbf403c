using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class DropoutTests(DType type) : OpTest
{
    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (9, 7), (8, 64), (10, 100), (6, 2048), (1, 5000)];

    /// <summary>What activations are stored as.</summary>
    protected DType Type => type;

    [TestCaseSource(nameof(Shapes))]
    public void Forward_matches_the_definition_bit_by_bit((int Rows, int Columns) shape)
    {
        float[] x = Stored(Sample.Normal(shape.Rows * shape.Columns, 1), type);
        float[] y = Forward(x, shape.Columns, Clients(shape.Rows), 0.3f);
        double[] expected = Reference.Dropout.Forward(x.Wide(), shape.Columns, Clients(shape.Rows), 5, 0.3f);
        Assert.That(y.Select(v => v == 0), Is.EqualTo(expected.Select(v => v == 0)));
        Agreement.Close(y, expected, Tolerance.For(type, 1));
    }

    [TestCaseSource(nameof(Shapes))]
    public void Backward_adds_the_same_mask((int Rows, int Columns) shape)
    {
        float[] dy = Stored(Sample.Normal(shape.Rows * shape.Columns, 1), type), dx = Stored(Sample.Normal(shape.Rows * shape.Columns, 2), type);
        TensorView result = Upload(dx, shape.Rows, shape.Columns, type);
        Backend.DropoutBackward(Upload(dy, shape.Rows, shape.Columns, type), Clients(shape.Rows), 5, 0.3f, result);
        double[] expected = Reference.Dropout.Backward(dy.Wide(), shape.Columns, Clients(shape.Rows), 5, 0.3f);
        Agreement.Close(Download(result), [.. expected.Zip(dx, (a, b) => a + b)], Tolerance.For(type, 2));
    }

    [Test]
    public void A_client_draws_the_same_mask_alone_and_among_others()
    {
        const int columns = 37;
        float[] x = Stored(Sample.Normal(20 * columns, 1), type);
        float[] together = Forward(x, columns, [new(0, 8, 11, 3), new(8, 12, 22, 9)], 0.5f);
        Assert.That(Forward(x[(8 * columns)..], columns, [new(0, 12, 22, 9)], 0.5f), Is.EqualTo(together[(8 * columns)..]));
    }

    [Test]
    public void The_order_of_the_clients_does_not_matter_and_rows_of_no_client_are_copied()
    {
        float[] x = Stored(Sample.Normal(9 * 20, 1), type);
        DropoutRows[] clients = [new(2, 1, 1, 1), new(4, 2, 2, 1), new(6, 0, 3, 1), new(8, 1, 4, 1)];
        float[] y = Forward(x, 20, clients, 0.5f);
        Assert.That(Forward(x, 20, [.. clients.Reverse()], 0.5f), Is.EqualTo(y));
        foreach (int row in new[] { 0, 1, 3, 6, 7 }) Assert.That(y[(row * 20)..((row + 1) * 20)], Is.EqualTo(x[(row * 20)..((row + 1) * 20)]));
        foreach (int row in new[] { 2, 4, 5, 8 }) Assert.That(y[(row * 20)..((row + 1) * 20)], Is.Not.EqualTo(x[(row * 20)..((row + 1) * 20)]));
        Assert.That(Forward(x, 20, [], 0.5f), Is.EqualTo(x));
        Assert.That(Forward(x, 20, [new(0, 9, 1, 1)], 0), Is.EqualTo(x), "a rate of zero");
    }

    [Test]
    public void Forward_may_overwrite_its_input()
    {
        float[] x = Stored(Sample.Normal(4 * 37, 1), type);
        TensorView inPlace = Upload(x, 4, 37, type);
        Backend.DropoutForward(inPlace, Clients(4), 5, 0.4f, inPlace);
        Assert.That(Download(inPlace), Is.EqualTo(Forward(x, 37, Clients(4), 0.4f)));
    }

    [Test]
    public void A_dropped_NaN_is_gone() =>
        Assert.That(Forward([.. Enumerable.Repeat(float.NaN, 64)], 64, [new(0, 1, 1, 1)], 0.5f), Has.Some.Zero.And.Some.NaN);

    [Test]
    public void Overlapping_rows_and_impossible_rates_are_refused()
    {
        Assert.That(() => Forward(new float[8], 2, [new(0, 3, 1, 1), new(2, 2, 1, 1)], 0.5f), Throws.ArgumentException.With.Message.Contains("disjoint"));
        Assert.That(() => Forward(new float[8], 2, [], 1f), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => Forward(new float[8], 2, [], float.NaN), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    /// <summary>Two clients with a row between them that is nobody's, where there is room.</summary>
    protected static DropoutRows[] Clients(int rows) =>
        rows < 3 ? [new(0, rows, 0x123456789ABCDEF0, 7)] : [new(0, rows / 2, 0x123456789ABCDEF0, 7), new((rows / 2) + 1, rows - (rows / 2) - 1, 42, -1)];

    protected float[] Forward(float[] x, int columns, DropoutRows[] clients, float rate, int module = 5)
    {
        TensorView y = Unwritten(x.Length / columns, columns, type);
        Backend.DropoutForward(Upload(x, x.Length / columns, columns, type), clients, module, rate, y);
        return Download(y);
    }
}
