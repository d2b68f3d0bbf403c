using NativeFl.Tensors;
using NativeFl.Tests;
using NativeFl.Tests.Tensors;
using Reference = NativeFl.Tests.Reference;

namespace NativeFl.Cuda.Tests;

[TestFixture(true)]
[TestFixture(false)]
internal sealed class MatMulTests(bool useBlas) : CudaTest
{
    // 1, odd, powers of two, tails of a tile on every side, and a model's width with few rows.
    private static readonly (int M, int N, int K)[] Shapes =
        [(1, 1, 1), (1, 33, 7), (7, 16, 31), (13, 31, 257), (64, 64, 64), (130, 20, 40), (16, 136, 104), (3, 8, 2048)];

    private static readonly (DType Operands, DType Output)[] Types = [(DType.F32, DType.F32), (DType.BF16, DType.BF16), (DType.BF16, DType.F32)];

    protected override CudaBackendOptions Configure(CudaBackendOptions options) => options with { UseBlas = useBlas };

    [SetUp]
    public void RequireBlas()
    {
        if (useBlas && !Backend.ProductsName.StartsWith("cuBLASLt", StringComparison.Ordinal)) Assert.Ignore(Backend.ProductsName);
    }

    [Test]
    public void All_transposes_match_the_reference(
        [ValueSource(nameof(Shapes))] (int M, int N, int K) shape, [ValueSource(nameof(Types))] (DType Operands, DType Output) types,
        [Values] bool accumulate)
    {
        (int m, int n, int k) = shape;
        float[] a = Stored(Sample.Normal(m * k, 1), types.Operands), b = Stored(Sample.Normal(k * n, 2), types.Operands);
        float[] c = Stored(Sample.Normal(m * n, 3), types.Output);
        foreach ((bool transposeA, bool transposeB) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            TensorView left = transposeA ? Upload(a, k, m, types.Operands) : Upload(a, m, k, types.Operands);
            TensorView right = transposeB ? Upload(b, n, k, types.Operands) : Upload(b, k, n, types.Operands);
            TensorView result = accumulate ? Upload(c, m, n, types.Output) : Unwritten(m, n, types.Output);
            Backend.MatMul(left, transposeA, right, transposeB, accumulate, result);
            (double[] value, double[] size) = Reference.MatMul.Multiply(a.Wide(), transposeA, b.Wide(), transposeB, m, n, k);
            if (accumulate)
            {
                value = [.. value.Zip(c, (v, old) => v + old)];
                size = [.. size.Zip(c, (v, old) => v + Math.Abs(old))];
            }
            Tolerance.AssertClose(Download(result), value, size, Tolerance.For(types.Output, k + 1));
        }
    }

    [Test]
    public void Gradients_of_logits_meet_bf16_rows_as_bf16([Values] bool transposeA, [Values] bool transposeB)
    {
        (int m, int n, int k) = (18, 24, 33);
        float[] a = Sample.Normal(m * k, 1), b = Stored(Sample.Normal(k * n, 2), DType.BF16), c = Sample.Normal(m * n, 3);
        TensorView result = Upload(c, m, n);
        Backend.MatMul(
            transposeA ? Upload(a, k, m) : Upload(a, m, k), transposeA,
            transposeB ? Upload(b, n, k, DType.BF16) : Upload(b, k, n, DType.BF16), transposeB, true, result);
        (double[] value, double[] size) = Reference.MatMul.Multiply(Stored(a, DType.BF16).Wide(), transposeA, b.Wide(), transposeB, m, n, k);
        Tolerance.AssertClose(
            Download(result), [.. value.Zip(c, (v, old) => v + old)], [.. size.Zip(c, (v, old) => v + Math.Abs(old))], Tolerance.For(DType.F32, k + 1));
    }

    [Test]
    public void Operands_may_begin_anywhere([Values(DType.F32, DType.BF16)] DType dtype)
    {
        (int m, int n, int k) = (5, 7, 9);
        float[] a = Stored(Sample.Normal((m + 1) * k, 1), dtype), b = Stored(Sample.Normal((k + 1) * n, 2), dtype);
        TensorView result = Unwritten(m + 1, n, dtype);
        Backend.MatMul(Upload(a, m + 1, k, dtype).Slice(1, m), false, Upload(b, k + 1, n, dtype).Slice(1, k), false, false, result.Slice(1, m));
        (double[] value, double[] size) = Reference.MatMul.Multiply(a[k..].Wide(), false, b[n..].Wide(), false, m, n, k);
        Tolerance.AssertClose(Download(result).AsSpan(n), value, size, Tolerance.For(dtype, k));
        Assert.That(Download(result)[..n], Is.All.NaN);
    }

    [Test]
    public void The_same_inputs_give_the_same_bits([Values(DType.F32, DType.BF16)] DType dtype)
    {
        (int m, int n, int k) = (33, 40, 300);
        TensorView a = Upload(Sample.Normal(m * k, 1), m, k, dtype), b = Upload(Sample.Normal(n * k, 2), n, k, dtype);
        TensorView first = Unwritten(m, n, dtype), second = Unwritten(m, n, dtype);
        Backend.MatMul(a, false, b, true, false, first);
        Backend.MatMul(a, false, b, true, false, second);
        Assert.That(Download(second), Is.EqualTo(Download(first)));
    }

    [Test]
    public void Empty_sums_are_zero_and_empty_results_are_nothing([Values(DType.F32, DType.BF16)] DType dtype)
    {
        TensorView c = Upload([1, 2, 3, 4], 2, 2, dtype);
        Backend.MatMul(New(2, 0, dtype), false, New(0, 2, dtype), false, true, c);
        Assert.That(Download(c), Is.EqualTo(new float[] { 1, 2, 3, 4 }));
        Backend.MatMul(New(2, 0, dtype), false, New(0, 2, dtype), false, false, c);
        Assert.That(Download(c), Is.All.Zero);
        TensorView none = New(0, 2, dtype);
        Assert.That(() => Backend.MatMul(New(0, 3, dtype), false, New(3, 2, dtype), false, false, none), Throws.Nothing);
    }

    [Test]
    public void A_wrong_shape_or_type_is_named()
    {
        TensorView a = New(4, 3), b = New(5, 2), c = New(4, 2);
        Assert.That(
            () => Backend.MatMul(a, false, b, false, false, c), Throws.ArgumentException.With.Message.Contains("b: expected F32 (3, 2), got F32 (5, 2)"));
        Assert.That(
            () => Backend.MatMul(a, false, New(3, 2), false, false, New(2, 4)), Throws.ArgumentException.With.Message.Contains("c: expected F32 (4, 2)"));
        Assert.That(
            () => Backend.MatMul(New(4, 3, DType.BF16), false, New(3, 2), false, false, c),
            Throws.ArgumentException.With.Message.Contains("b: expected BF16 (3, 2)"));
    }
}
