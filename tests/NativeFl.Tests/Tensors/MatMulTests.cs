using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class MatMulTests
{
    // 1, odd, powers of two, not a multiple of a vector, tiles on both sides of each limit, and shapes of a model and its adapters.
    private static readonly (int M, int N, int K)[] Shapes =
    [
        (1, 1, 1), (1, 33, 7), (3, 5, 1), (5, 1, 65), (7, 16, 31), (12, 32, 256), (13, 31, 257), (16, 8, 64), (17, 48, 63),
        (25, 100, 300), (64, 64, 64), (65, 4, 513), (4, 129, 65), (600, 20, 40), (16, 352, 100), (97, 288, 288), (129, 257, 33),
    ];

    [Test]
    public void All_transposes_match_the_reference(
        [ValueSource(nameof(Shapes))] (int M, int N, int K) shape, [Values(512, 256, 128)] int bits, [Values] bool accumulate)
    {
        (int m, int n, int k) = shape;
        using var bench = new TensorBench(2, bits);
        float[] a = bench.Random(m * k), b = bench.Random(k * n), c = bench.Random(m * n);
        foreach ((bool transposeA, bool transposeB) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            TensorView left = transposeA ? bench.Tensor(a, k, m) : bench.Tensor(a, m, k);
            TensorView right = transposeB ? bench.Tensor(b, n, k) : bench.Tensor(b, k, n);
            TensorView result = bench.Tensor(c, m, n);
            bench.Backend.MatMul(left, transposeA, right, transposeB, accumulate, result);

            (double[] value, double[] magnitude) =
                Reference.MatMul.Multiply(TensorBench.Wide(a), transposeA, TensorBench.Wide(b), transposeB, m, n, k);
            if (accumulate)
            {
                value = [.. value.Zip(c, (v, old) => v + old)];
                magnitude = [.. magnitude.Zip(c, (v, old) => v + Math.Abs(old))];
            }
            Tolerance.AssertClose(TensorBench.Values(result), value, magnitude, Tolerance.For(DType.F32, k + 1));
        }
    }

    [Test]
    public void The_bits_do_not_depend_on_the_thread_count([Values(512, 256, 128)] int bits)
    {
        (int m, int n, int k) = (333, 421, 517);
        float[]? first = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using var bench = new TensorBench(threads, bits);
            TensorView a = bench.Tensor(bench.Random(m * k), m, k), b = bench.Tensor(bench.Random(k * n), n, k), c = bench.Empty(m, n);
            bench.Backend.MatMul(a, false, b, true, false, c);
            first ??= TensorBench.Values(c);
            Assert.That(TensorBench.Values(c), Is.EqualTo(first));
        }
    }

    [Test]
    public void A_row_does_not_depend_on_the_rows_beside_it()
    {
        using var bench = new TensorBench();
        (int m, int n, int k) = (40, 96, 300);
        TensorView a = bench.Tensor(bench.Random(m * k), m, k), b = bench.Tensor(bench.Random(k * n), k, n);
        TensorView all = bench.Empty(m, n), one = bench.Empty(1, n);
        bench.Backend.MatMul(a, false, b, false, false, all);
        for (int row = 0; row < m; row++)
        {
            bench.Backend.MatMul(a.Slice(row, 1), false, b, false, false, one);
            Assert.That(TensorBench.Values(one), Is.EqualTo(TensorBench.Values(all.Slice(row, 1))));
        }
    }

    [Test]
    public void A_sum_of_no_terms_is_zero_and_no_rows_are_no_work()
    {
        using var bench = new TensorBench();
        TensorView c = bench.Tensor([1, 2, 3, 4], 2, 2);
        bench.Backend.MatMul(bench.Empty(2, 0), false, bench.Empty(0, 2), false, true, c);
        Assert.That(TensorBench.Values(c), Is.EqualTo(new float[] { 1, 2, 3, 4 }));
        bench.Backend.MatMul(bench.Empty(2, 0), false, bench.Empty(0, 2), false, false, c);
        Assert.That(TensorBench.Values(c), Is.All.Zero);
        TensorView none = bench.Empty(0, 2);
        Assert.That(() => bench.Backend.MatMul(bench.Empty(0, 3), false, bench.Empty(3, 2), false, false, none), Throws.Nothing);
    }

    [Test]
    public void A_wrong_shape_is_named()
    {
        using var bench = new TensorBench();
        TensorView a = bench.Empty(4, 3), b = bench.Empty(5, 2), c = bench.Empty(4, 2);
        Assert.That(
            () => bench.Backend.MatMul(a, false, b, false, false, c),
            Throws.ArgumentException.With.Message.Contains("b: expected F32 (3, 2), got F32 (5, 2)"));
        Assert.That(
            () => bench.Backend.MatMul(a, false, bench.Empty(3, 2), false, false, bench.Empty(2, 4)),
            Throws.ArgumentException.With.Message.Contains("c: expected F32 (4, 2)"));
    }

    [Test]
    public void OpenBlas_agrees([Values] bool transposeA, [Values] bool transposeB, [Values] bool accumulate)
    {
        using TensorBench bench = OpenBlasTests.Bench();
        (int m, int n, int k) = (37, 53, 71);
        float[] a = bench.Random(m * k), b = bench.Random(k * n), c = bench.Random(m * n);
        TensorView result = bench.Tensor(c, m, n);
        bench.Backend.MatMul(
            transposeA ? bench.Tensor(a, k, m) : bench.Tensor(a, m, k), transposeA,
            transposeB ? bench.Tensor(b, n, k) : bench.Tensor(b, k, n), transposeB, accumulate, result);
        (double[] value, _) = Reference.MatMul.Multiply(TensorBench.Wide(a), transposeA, TensorBench.Wide(b), transposeB, m, n, k);
        if (accumulate) value = [.. value.Zip(c, (v, old) => v + old)];
        Tolerance.AssertClose(TensorBench.Values(result), value, Tolerance.For(DType.F32, k + 1));
    }
}
