using NativeFl.Tensors;
using NativeFl.Tests.Reference;

namespace NativeFl.Tests.Tensors;

public sealed class LinearTests
{
    private static readonly (int N, int Out, int In)[] Shapes =
    [
        (1, 1, 1), (1, 33, 40), (2, 64, 288), (7, 31, 65), (16, 32, 32), (33, 100, 257), (64, 300, 129), (513, 48, 64), (96, 288, 768),
    ];

    [Test]
    public void Forward_matches_the_reference(
        [ValueSource(nameof(Shapes))] (int N, int Out, int In) shape, [Values(DType.F32, DType.BF16)] DType dtype,
        [Values(512, 256, 128)] int bits, [Values] bool accumulate, [Values] bool withBias)
    {
        (int n, int outputs, int inputs) = shape;
        using var bench = new TensorBench(2, bits);
        float[] x = bench.Random(n * inputs), w = bench.Random(outputs * inputs);
        float[] y = bench.Random(n * outputs), bias = bench.Random(outputs);
        TensorView result = bench.Tensor(y, n, outputs);
        bench.Backend.LinearForward(
            bench.Tensor(x, n, inputs), bench.Packed(w, outputs, inputs, dtype), withBias ? bench.Tensor(bias, outputs, 1) : default,
            accumulate, result);

        double[] expected = Linear.Forward(
            TensorBench.Wide(x), TensorBench.Wide(TensorBench.Stored(w, dtype)), withBias ? TensorBench.Wide(bias) : new double[outputs],
            n, outputs, inputs);
        if (accumulate) expected = [.. expected.Zip(y, (v, old) => v + old)];
        Tolerance.AssertClose(TensorBench.Values(result), expected, Magnitude(expected, inputs), Tolerance.For(DType.F32, inputs + 2));
    }

    [Test]
    public void Backward_matches_the_reference(
        [ValueSource(nameof(Shapes))] (int N, int Out, int In) shape, [Values(DType.F32, DType.BF16)] DType dtype,
        [Values(512, 256, 128)] int bits, [Values] bool accumulate)
    {
        (int n, int outputs, int inputs) = shape;
        using var bench = new TensorBench(2, bits);
        float[] dy = bench.Random(n * outputs), w = bench.Random(outputs * inputs), dx = bench.Random(n * inputs);
        TensorView result = bench.Tensor(dx, n, inputs);
        bench.Backend.LinearBackward(bench.Tensor(dy, n, outputs), bench.Packed(w, outputs, inputs, dtype), accumulate, result);

        double[] expected = Linear.Backward(TensorBench.Wide(dy), TensorBench.Wide(TensorBench.Stored(w, dtype)), n, outputs, inputs);
        if (accumulate) expected = [.. expected.Zip(dx, (v, old) => v + old)];
        Tolerance.AssertClose(TensorBench.Values(result), expected, Magnitude(expected, outputs), Tolerance.For(DType.F32, outputs + 1));
    }

    [Test]
    public void The_reference_gradients_match_finite_differences()
    {
        (int n, int outputs, int inputs) = (3, 4, 5);
        using var bench = new TensorBench(1);
        double[] x = TensorBench.Wide(bench.Random(n * inputs)), w = TensorBench.Wide(bench.Random(outputs * inputs));
        double[] dy = TensorBench.Wide(bench.Random(n * outputs)), bias = new double[outputs];
        double[] Forward() => Linear.Forward(x, w, bias, n, outputs, inputs);
        Assert.That(Linear.Backward(dy, w, n, outputs, inputs), Is.EqualTo(FiniteDifference.Gradient(x, dy, Forward)).Within(1e-9));
        Assert.That(Linear.WeightGradient(dy, x, n, outputs, inputs), Is.EqualTo(FiniteDifference.Gradient(w, dy, Forward)).Within(1e-9));
    }

    [Test]
    public void The_weight_gradient_is_a_product_of_transposes()
    {
        (int n, int outputs, int inputs) = (70, 33, 47);
        using var bench = new TensorBench();
        float[] x = bench.Random(n * inputs), dy = bench.Random(n * outputs);
        TensorView dw = bench.Empty(outputs, inputs);
        bench.Backend.MatMul(bench.Tensor(dy, n, outputs), true, bench.Tensor(x, n, inputs), false, true, dw);
        double[] expected = Linear.WeightGradient(TensorBench.Wide(dy), TensorBench.Wide(x), n, outputs, inputs);
        Tolerance.AssertClose(TensorBench.Values(dw), expected, Tolerance.For(DType.F32, n));
    }

    [Test]
    public void The_bits_do_not_depend_on_the_thread_count([Values(512, 256, 128)] int bits, [Values(DType.F32, DType.BF16)] DType dtype)
    {
        (int n, int outputs, int inputs) = (200, 300, 520);
        float[]? forward = null, backward = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using var bench = new TensorBench(threads, bits);
            TensorView x = bench.Tensor(bench.Random(n * inputs), n, inputs), y = bench.Empty(n, outputs), dx = bench.Empty(n, inputs);
            PackedMatrix w = bench.Packed(bench.Random(outputs * inputs), outputs, inputs, dtype);
            bench.Backend.LinearForward(x, w, default, false, y);
            bench.Backend.LinearBackward(y, w, false, dx);
            forward ??= TensorBench.Values(y);
            backward ??= TensorBench.Values(dx);
            Assert.That(TensorBench.Values(y), Is.EqualTo(forward));
            Assert.That(TensorBench.Values(dx), Is.EqualTo(backward));
        }
    }

    [Test]
    public void OpenBlas_agrees([Values(DType.F32, DType.BF16)] DType dtype, [Values] bool accumulate)
    {
        using TensorBench bench = OpenBlasTests.Bench();
        (int n, int outputs, int inputs) = (21, 600, 65);
        float[] x = bench.Random(n * inputs), w = bench.Random(outputs * inputs), bias = bench.Random(outputs);
        PackedMatrix packed = bench.Packed(w, outputs, inputs, dtype);
        Assert.That(bench.Unpacked(packed), Is.EqualTo(TensorBench.Stored(w, dtype)));
        TensorView y = bench.Empty(n, outputs), dx = bench.Tensor(x, n, inputs);
        bench.Backend.LinearForward(bench.Tensor(x, n, inputs), packed, bench.Tensor(bias, outputs, 1), false, y);
        bench.Backend.LinearBackward(y, packed, accumulate, dx);

        double[] wide = TensorBench.Wide(TensorBench.Stored(w, dtype)), wideX = TensorBench.Wide(x);
        double[] expected = Linear.Forward(wideX, wide, TensorBench.Wide(bias), n, outputs, inputs);
        Tolerance.AssertClose(TensorBench.Values(y), expected, Magnitude(expected, inputs), Tolerance.For(DType.F32, inputs + 1));
        double[] back = Linear.Backward(expected, wide, n, outputs, inputs);
        if (accumulate) back = [.. back.Zip(x, (v, old) => v + old)];
        Tolerance.AssertClose(TensorBench.Values(dx), back, 2 * Tolerance.For(DType.F32, outputs + inputs));
    }

    [Test]
    public void A_wrong_shape_is_named()
    {
        using var bench = new TensorBench();
        PackedMatrix w = bench.Packed(bench.Random(12), 4, 3, DType.F32);
        Assert.That(
            () => bench.Backend.LinearForward(bench.Empty(5, 4), w, default, false, bench.Empty(5, 4)),
            Throws.ArgumentException.With.Message.Contains("x: expected F32 (5, 3), got F32 (5, 4)"));
        Assert.That(
            () => bench.Backend.LinearForward(bench.Empty(5, 3), w, bench.Empty(3, 1), false, bench.Empty(5, 4)),
            Throws.ArgumentException.With.Message.Contains("bias: expected 4 elements of F32"));
        Assert.That(
            () => bench.Backend.LinearBackward(bench.Empty(5, 4), w, false, bench.Empty(4, 3)),
            Throws.ArgumentException.With.Message.Contains("dx: expected F32 (5, 3)"));
    }

    /// <summary>Terms are below 1 in size, so a sum's magnitude is at most their number.</summary>
    private static double[] Magnitude(double[] expected, int terms) => [.. expected.Select(value => Math.Abs(value) + terms)];
}
