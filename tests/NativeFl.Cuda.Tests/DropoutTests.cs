using NativeFl.Tensors;
using NativeFl.Tests;
using NativeFl.Tests.Tensors;
using Reference = NativeFl.Tests.Reference;

namespace NativeFl.Cuda.Tests;

internal sealed class DropoutTests : CudaTest
{
    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (9, 7), (8, 64), (10, 100), (6, 2048), (1, 5000)];

    [Test]
    public void Forward_matches_the_definition_bit_by_bit(
        [ValueSource(nameof(Shapes))] (int Rows, int Columns) shape, [Values(DType.F32, DType.BF16)] DType type)
    {
        float[] x = Stored(Sample.Normal(shape.Rows * shape.Columns, 1), type);
        float[] y = Forward(type, x, shape.Columns, Clients(shape.Rows), 0.3f);
        double[] expected = Reference.Dropout.Forward(x.Wide(), shape.Columns, Clients(shape.Rows), 5, 0.3f);
        Assert.That(y.Select(v => v == 0), Is.EqualTo(expected.Select(v => v == 0)));
        Agreement.Close(y, expected, Tolerance.For(type, 1));
    }

    [TestCase(0f)]
    [TestCase(0.05f)]
    [TestCase(0.9f)]
    public void It_draws_the_bits_of_the_cpu(float rate)
    {
        float[] x = Sample.Normal(20 * 101, 1);
        using var cpu = new OpArena();
        TensorView y = cpu.Unwritten(20, 101);
        cpu.Backend.DropoutForward(cpu.Floats(x, 20, 101), Clients(20), 5, rate, y);
        Assert.That(Forward(DType.F32, x, 101, Clients(20), rate), Is.EqualTo(cpu.Read(y)));
    }

    [Test]
    public void Backward_adds_the_same_mask(
        [ValueSource(nameof(Shapes))] (int Rows, int Columns) shape, [Values(DType.F32, DType.BF16)] DType type)
    {
        float[] dy = Stored(Sample.Normal(shape.Rows * shape.Columns, 1), type), dx = Stored(Sample.Normal(shape.Rows * shape.Columns, 2), type);
        TensorView result = Upload(dx, shape.Rows, shape.Columns, type);
        Backend.DropoutBackward(Upload(dy, shape.Rows, shape.Columns, type), Clients(shape.Rows), 5, 0.3f, result);
        double[] expected = Reference.Dropout.Backward(dy.Wide(), shape.Columns, Clients(shape.Rows), 5, 0.3f);
        Agreement.Close(Download(result), [.. expected.Zip(dx, (a, b) => a + b)], Tolerance.For(type, 2));
    }

    [Test]
    public void The_order_of_the_clients_does_not_matter_and_rows_of_no_client_are_copied()
    {
        float[] x = Sample.Normal(9 * 20, 1);
        DropoutRows[] clients = [new(2, 1, 1, 1), new(4, 2, 2, 1), new(6, 0, 3, 1), new(8, 1, 4, 1)];
        float[] y = Forward(DType.F32, x, 20, clients, 0.5f);
        Assert.That(Forward(DType.F32, x, 20, [.. clients.Reverse()], 0.5f), Is.EqualTo(y));
        foreach (int row in new[] { 0, 1, 3, 6, 7 }) Assert.That(y[(row * 20)..((row + 1) * 20)], Is.EqualTo(x[(row * 20)..((row + 1) * 20)]));
        foreach (int row in new[] { 2, 4, 5, 8 }) Assert.That(y[(row * 20)..((row + 1) * 20)], Is.Not.EqualTo(x[(row * 20)..((row + 1) * 20)]));
        Assert.That(Forward(DType.F32, x, 20, [], 0.5f), Is.EqualTo(x));
    }

    [Test]
    public void Forward_may_overwrite_its_input()
    {
        float[] x = Sample.Normal(4 * 37, 1);
        TensorView inPlace = Upload(x, 4, 37);
        Backend.DropoutForward(inPlace, Clients(4), 5, 0.4f, inPlace);
        Assert.That(Download(inPlace), Is.EqualTo(Forward(DType.F32, x, 37, Clients(4), 0.4f)));
    }

    [Test]
    public void A_dropped_NaN_is_gone([Values(DType.F32, DType.BF16)] DType type)
    {
        float[] y = Forward(type, [.. Enumerable.Repeat(float.NaN, 64)], 64, [new(0, 1, 1, 1)], 0.5f);
        Assert.That(y, Has.Some.Zero.And.Some.NaN);
    }

    [Test]
    public void Overlapping_rows_and_impossible_rates_are_refused()
    {
        Assert.That(
            () => Forward(DType.F32, new float[8], 2, [new(0, 3, 1, 1), new(2, 2, 1, 1)], 0.5f), Throws.ArgumentException.With.Message.Contains("disjoint"));
        Assert.That(() => Forward(DType.F32, new float[8], 2, [], 1f), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => Forward(DType.F32, new float[8], 2, [], float.NaN), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    /// <summary>Two clients with a row between them that is nobody's, where there is room.</summary>
    private static DropoutRows[] Clients(int rows) =>
        rows < 3 ? [new(0, rows, 0x123456789ABCDEF0, 7)] : [new(0, rows / 2, 0x123456789ABCDEF0, 7), new((rows / 2) + 1, rows - (rows / 2) - 1, 42, -1)];

    private float[] Forward(DType type, float[] x, int columns, DropoutRows[] clients, float rate)
    {
        TensorView y = Unwritten(x.Length / columns, columns, type);
        Backend.DropoutForward(Upload(x, x.Length / columns, columns, type), clients, 5, rate, y);
        return Download(y);
    }
}
