using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class LoraMergeTests
{
    private const int Ranks = 300;

    private static readonly LoraGroup[] Groups =
        [new(0, 0, 0, 4, 0, 0.5f), new(5, 7, 4, 64, 0, 1.25f), new(0, 0, 68, 0, 0, 3f), new(0, 0, 68, 200, 0, -0.3f)];

    [Test]
    public void The_merged_matrix_matches_the_reference(
        [Values(1, 33, 64, 200)] int outputs, [Values(1, 47, 600)] int inputs, [Values(512, 256, 128)] int bits)
    {
        using var bench = new TensorBench(2, bits);
        float[] w = bench.Random(outputs * inputs), a = bench.Random(Ranks * inputs), b = bench.Random(Ranks * outputs);
        PackedMatrix packed = bench.Packed(w, outputs, inputs, DType.F32);
        bench.Backend.LoraMerge(bench.Tensor(a, Ranks, inputs), bench.Tensor(b, Ranks, outputs), Groups, packed);
        double[] expected = Expected(w, a, b, Groups, outputs, inputs);
        Tolerance.AssertClose(bench.Unpacked(packed), expected, Magnitude(expected), Tolerance.For(DType.F32, Ranks));
    }

    [Test]
    public void A_bf16_matrix_is_rounded_once([Values(512, 256, 128)] int bits)
    {
        (int outputs, int inputs) = (70, 530);
        using var bench = new TensorBench(2, bits);
        float[] w = TensorBench.Stored(bench.Random(outputs * inputs), DType.BF16);
        float[] a = bench.Random(Ranks * inputs), b = bench.Random(Ranks * outputs);
        TensorView left = bench.Tensor(a, Ranks, inputs), right = bench.Tensor(b, Ranks, outputs);
        PackedMatrix narrow = bench.Packed(w, outputs, inputs, DType.BF16), wide = bench.Packed(w, outputs, inputs, DType.F32);
        bench.Backend.LoraMerge(left, right, Groups, narrow);
        bench.Backend.LoraMerge(left, right, Groups, wide);
        Assert.That(bench.Unpacked(narrow), Is.EqualTo(TensorBench.Stored(bench.Unpacked(wide), DType.BF16)));
    }

    [Test]
    public void The_bits_do_not_depend_on_the_thread_count([Values(DType.F32, DType.BF16)] DType dtype)
    {
        float[]? first = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using var bench = new TensorBench(threads);
            PackedMatrix w = bench.Packed(bench.Random(100 * 700), 100, 700, dtype);
            TensorView a = bench.Tensor(bench.Random(Ranks * 700), Ranks, 700), b = bench.Tensor(bench.Random(Ranks * 100), Ranks, 100);
            bench.Backend.LoraMerge(a, b, Groups, w);
            first ??= bench.Unpacked(w);
            Assert.That(bench.Unpacked(w), Is.EqualTo(first));
        }
    }

    [Test]
    public void A_NaN_in_a_skipped_segment_reaches_nothing()
    {
        using var bench = new TensorBench();
        float[] w = bench.Random(40 * 50), a = bench.Random(Ranks * 50), b = bench.Random(Ranks * 40);
        a.AsSpan(100 * 50, 50 * 50).Fill(float.NaN);
        PackedMatrix packed = bench.Packed(w, 40, 50, DType.F32);
        TensorView left = bench.Tensor(a, Ranks, 50), right = bench.Tensor(b, Ranks, 40);
        bench.Backend.LoraMerge(left, right, [new(0, 0, 100, 50, 0, 0f), new(0, 0, 120, 0, 0, 1f)], packed);
        Assert.That(bench.Unpacked(packed), Is.EqualTo(w), "nothing but skipped segments is the identity");
        bench.Backend.LoraMerge(left, right, [new(0, 0, 0, 100, 0, 1f), new(0, 0, 100, 50, 0, 0f)], packed);
        Assert.That(bench.Unpacked(packed), Has.None.NaN);
    }

    [Test]
    public void Merging_equals_applying()
    {
        (int n, int outputs, int inputs) = (20, 72, 60);
        using var bench = new TensorBench();
        float[] w = bench.Random(outputs * inputs), x = bench.Random(n * inputs);
        TensorView a = bench.Tensor(bench.Random(16 * inputs), 16, inputs), b = bench.Tensor(bench.Random(16 * outputs), 16, outputs);
        TensorView rows = bench.Tensor(x, n, inputs), s = bench.Empty(n, 16);
        TensorView applied = bench.Empty(n, outputs), merged = bench.Empty(n, outputs);
        PackedMatrix packed = bench.Packed(w, outputs, inputs, DType.F32);
        LoraGroup[] groups = [new(0, n, 0, 10, 0, 0.5f), new(0, n, 10, 6, 10, 2f)];
        bench.Backend.LinearForward(rows, packed, default, false, applied);
        bench.Backend.LoraForward(rows, a, b, groups, s, applied);
        bench.Backend.LoraMerge(a, b, groups, packed);
        bench.Backend.LinearForward(rows, packed, default, false, merged);
        Tolerance.AssertClose(
            TensorBench.Values(merged), TensorBench.Wide(TensorBench.Values(applied)), Tolerance.For(DType.F32, 2 * (inputs + 16)));
    }

    [Test]
    public void Row_major_weights_merge_too([Values(DType.F32, DType.BF16)] DType dtype)
    {
        (int outputs, int inputs) = (70, 530);
        using TensorBench bench = OpenBlasTests.Bench();
        float[] w = TensorBench.Stored(bench.Random(outputs * inputs), dtype);
        float[] a = bench.Random(Ranks * inputs), b = bench.Random(Ranks * outputs);
        PackedMatrix packed = bench.Packed(w, outputs, inputs, dtype);
        bench.Backend.LoraMerge(bench.Tensor(a, Ranks, inputs), bench.Tensor(b, Ranks, outputs), Groups, packed);
        double[] expected = Expected(w, a, b, Groups, outputs, inputs);
        Tolerance.AssertClose(bench.Unpacked(packed), expected, Magnitude(expected), Tolerance.For(dtype, Ranks));
    }

    private static double[] Expected(float[] w, float[] a, float[] b, LoraGroup[] groups, int outputs, int inputs) =>
        Reference.LoraMerge.Merge(TensorBench.Wide(w), TensorBench.Wide(a), TensorBench.Wide(b), groups, outputs, inputs);

    /// <summary>The weight and its terms, each below 1.25 in size.</summary>
    private static double[] Magnitude(double[] merged) => [.. merged.Select(value => Math.Abs(value) + 1 + (1.25 * 64) + (0.3 * 200) + 2)];
}
