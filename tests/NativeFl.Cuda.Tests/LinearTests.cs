using NativeFl.Tensors;
using NativeFl.Tests;
using NativeFl.Tests.Reference;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

[TestFixture(true)]
[TestFixture(false)]
internal sealed class LinearTests(bool useBlas) : CudaTest
{
    private static readonly (int N, int Out, int In)[] Shapes = [(1, 1, 1), (1, 33, 40), (7, 31, 65), (16, 32, 32), (131, 48, 64), (2, 136, 2048)];

    // What x (or dy), W and y (or dx) are stored as.
    private static readonly (DType X, DType W, DType Y)[] ForwardTypes =
        [(DType.F32, DType.F32, DType.F32), (DType.F32, DType.BF16, DType.F32), (DType.BF16, DType.BF16, DType.BF16), (DType.BF16, DType.BF16, DType.F32),
            (DType.BF16, DType.F32, DType.BF16), (DType.BF16, DType.F32, DType.F32)];

    private static readonly (DType X, DType W, DType Y)[] BackwardTypes =
        [(DType.F32, DType.F32, DType.F32), (DType.F32, DType.BF16, DType.F32), (DType.BF16, DType.BF16, DType.BF16), (DType.F32, DType.BF16, DType.BF16),
            (DType.BF16, DType.F32, DType.BF16), (DType.F32, DType.F32, DType.BF16)];

    protected override CudaBackendOptions Configure(CudaBackendOptions options) => options with { UseBlas = useBlas };

    [SetUp]
    public void RequireBlas()
    {
        if (useBlas && !Backend.ProductsName.StartsWith("cuBLASLt", StringComparison.Ordinal)) Assert.Ignore(Backend.ProductsName);
    }

    [Test]
    public void Forward_matches_the_reference(
        [ValueSource(nameof(Shapes))] (int N, int Out, int In) shape, [ValueSource(nameof(ForwardTypes))] (DType X, DType W, DType Y) types,
        [Values] bool accumulate, [Values] bool withBias)
    {
        (int n, int outputs, int inputs) = shape;
        float[] x = Stored(Sample.Normal(n * inputs, 1), types.X), w = Stored(Sample.Normal(outputs * inputs, 2), types.W);
        float[] y = Stored(Sample.Normal(n * outputs, 3), types.Y), bias = Stored(Sample.Normal(outputs, 4), types.Y);
        TensorView result = accumulate ? Upload(y, n, outputs, types.Y) : Unwritten(n, outputs, types.Y);
        Backend.LinearForward(
            Upload(x, n, inputs, types.X), Pack(w, outputs, inputs, types.W), withBias ? Upload(bias, outputs, 1) : default, accumulate, result);

        // f32 weights are rounded where the activations are bf16.
        float[] met = Stored(w, types.X);
        double[] Expected(Func<double, double> of)
        {
            double[] Wide(float[] values) => Array.ConvertAll(values, value => of(value));
            double[] expected = Linear.Forward(Wide(x), Wide(met), withBias ? Wide(bias) : new double[outputs], n, outputs, inputs);
            return accumulate ? [.. expected.Zip(Wide(y), (v, old) => v + old)] : expected;
        }
        Tolerance.AssertClose(Download(result), Expected(v => v), Expected(Math.Abs), Tolerance.For(types.Y, inputs + 2));
    }

    [Test]
    public void Backward_matches_the_reference(
        [ValueSource(nameof(Shapes))] (int N, int Out, int In) shape, [ValueSource(nameof(BackwardTypes))] (DType X, DType W, DType Y) types,
        [Values] bool accumulate)
    {
        (int n, int outputs, int inputs) = shape;
        float[] dy = Sample.Normal(n * outputs, 1), w = Stored(Sample.Normal(outputs * inputs, 2), types.W);
        float[] dx = Stored(Sample.Normal(n * inputs, 3), types.Y);
        TensorView result = accumulate ? Upload(dx, n, inputs, types.Y) : Unwritten(n, inputs, types.Y);
        Backend.LinearBackward(Upload(dy, n, outputs, types.X), Pack(w, outputs, inputs, types.W), accumulate, result);

        // f32 gradients of logits, and f32 weights, are rounded where the activations are bf16.
        float[] rounded = Stored(dy, types.Y == DType.BF16 ? DType.BF16 : types.X), met = Stored(w, types.Y);
        double[] Expected(Func<double, double> of)
        {
            double[] Wide(float[] values) => Array.ConvertAll(values, value => of(value));
            double[] expected = Linear.Backward(Wide(rounded), Wide(met), n, outputs, inputs);
            return accumulate ? [.. expected.Zip(Wide(dx), (v, old) => v + old)] : expected;
        }
        Tolerance.AssertClose(Download(result), Expected(v => v), Expected(Math.Abs), Tolerance.For(types.Y, outputs + 1));
    }

    [Test]
    public void A_row_does_not_depend_on_the_rows_beside_it([Values(DType.F32, DType.BF16)] DType dtype)
    {
        if (useBlas) Assert.Ignore("cuBLASLt chooses by shape");
        (int n, int outputs, int inputs) = (140, 24, 72);
        float[] x = Sample.Normal(n * inputs, 1);
        PackedMatrix w = Pack(Sample.Normal(outputs * inputs, 2), outputs, inputs, dtype);
        TensorView all = Unwritten(n, outputs, dtype), one = Unwritten(1, outputs, dtype);
        Backend.LinearForward(Upload(x, n, inputs, dtype), w, default, false, all);
        Backend.LinearForward(Upload(x.AsSpan(137 * inputs, inputs), 1, inputs, dtype), w, default, false, one);
        Assert.That(Download(one), Is.EqualTo(Download(all)[(137 * outputs)..(138 * outputs)]));
    }

    [Test]
    public void Gradients_of_many_logits_are_rounded_in_runs_that_fit_the_workspace()
    {
        if (!useBlas) Assert.Ignore("the runs are the same, and the tiles too slow here");
        (int n, int vocabulary, int width) = (270, 128_256, 2); // 69 MB of bf16
        float[] pattern = Sample.Normal(1009, 1), dy = new float[n * vocabulary];
        for (int i = 0; i < dy.Length; i++) dy[i] = pattern[i % pattern.Length];
        float[] w = Stored(Sample.Normal(vocabulary * width, 2), DType.BF16), x = Stored(Sample.Normal(n * width, 3), DType.BF16);
        TensorView gradients = Upload(dy, n, vocabulary), dx = Unwritten(n, width, DType.BF16), dw = New(vocabulary, width);
        Backend.LinearBackward(gradients, Pack(w, vocabulary, width, DType.BF16), false, dx);
        Backend.MatMul(gradients, true, Upload(x, n, width, DType.BF16), false, true, dw);

        float[] rounded = Stored(dy, DType.BF16);
        double[] sizes = Linear.Backward(rounded.Select(v => (double)Math.Abs(v)).ToArray(), w.Select(v => (double)Math.Abs(v)).ToArray(), n, vocabulary, width);
        Tolerance.AssertClose(Download(dx), Linear.Backward(rounded.Wide(), w.Wide(), n, vocabulary, width), sizes, Tolerance.For(DType.BF16, vocabulary));
        double[] expected = Linear.WeightGradient(rounded.Wide(), x.Wide(), n, vocabulary, width);
        Tolerance.AssertClose(Download(dw), expected, Tolerance.For(DType.F32, n));
    }

    [Test]
    public void A_wrong_shape_or_type_is_named()
    {
        PackedMatrix w = Pack(Sample.Normal(12, 1), 4, 3, DType.F32);
        Assert.That(
            () => Backend.LinearForward(New(5, 4), w, default, false, New(5, 4)),
            Throws.ArgumentException.With.Message.Contains("x: expected F32 (5, 3), got F32 (5, 4)"));
        Assert.That(
            () => Backend.LinearForward(New(5, 3), w, New(3, 1), false, New(5, 4)),
            Throws.ArgumentException.With.Message.Contains("bias: expected 4 elements of F32"));
        Assert.That(
            () => Backend.LinearBackward(New(5, 4), w, false, New(4, 3)), Throws.ArgumentException.With.Message.Contains("dx: expected F32 (5, 3)"));
        Assert.That(
            () => Backend.LinearBackward(New(5, 4, DType.BF16), w, false, New(5, 3)), Throws.ArgumentException.With.Message.Contains("dx: expected BF16 (5, 3)"));
    }
}
