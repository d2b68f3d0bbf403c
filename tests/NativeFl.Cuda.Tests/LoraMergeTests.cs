using NativeFl.Tensors;
using NativeFl.Tests;
using NativeFl.Tests.Tensors;
using Reference = NativeFl.Tests.Reference;

namespace NativeFl.Cuda.Tests;

internal sealed class LoraMergeTests : CudaTest
{
    private const int Ranks = 150;

    private static readonly LoraGroup[] Groups =
        [new(0, 0, 0, 4, 0, 0.5f), new(5, 7, 4, 33, 0, 1.25f), new(0, 0, 37, 0, 0, 3f), new(0, 0, 37, 20, 0, 0f), new(0, 0, 60, 90, 0, -0.3f)];

    // The last two are a model's widths, with few rows of the other side.
    private static readonly (int Out, int In)[] Shapes = [(1, 1), (33, 47), (64, 128), (200, 136), (3, 1100), (5, 4096), (11008, 3)];

    [Test]
    public void The_merged_matrix_matches_the_reference_and_is_rounded_once(
        [ValueSource(nameof(Shapes))] (int Out, int In) shape, [Values(DType.F32, DType.BF16)] DType dtype) =>
        AssertMerges(Groups, Ranks, shape.Out, shape.In, dtype);

    [Test]
    public void A_client_of_any_rank_is_merged([Values(1, 3, 16, 31, 257, 512)] int rank, [Values(DType.F32, DType.BF16)] DType dtype) =>
        AssertMerges([new(0, 0, 0, rank, 0, 0.5f)], rank, 40, 72, dtype);

    [Test]
    public void A_client_of_rank_512_is_merged_among_others([Values(DType.F32, DType.BF16)] DType dtype)
    {
        LoraGroup[] groups = [new(0, 0, 0, 1, 0, 1f), new(0, 0, 1, 512, 0, 0.1f), new(0, 0, 513, 0, 0, 1f), new(0, 0, 513, 100, 0, 0.5f), new(0, 0, 613, 17, 0, 2f)];
        AssertMerges(groups, 630, 40, 72, dtype);
    }

    [Test]
    public void The_same_inputs_give_the_same_bits([Values(DType.F32, DType.BF16)] DType dtype)
    {
        float[] w = Sample.Normal(100 * 200, 1), a = Sample.Normal(Ranks * 200, 2), b = Sample.Normal(Ranks * 100, 3);
        float[] Merged()
        {
            PackedMatrix packed = Pack(w, 100, 200, dtype);
            Backend.LoraMerge(Upload(a, Ranks, 200), Upload(b, Ranks, 100), Groups, packed);
            return Unpack(packed);
        }
        float[] first = Merged();
        Assert.That(Merged(), Is.EqualTo(first));
    }

    [Test]
    public void A_NaN_in_a_skipped_segment_reaches_nothing([Values(DType.F32, DType.BF16)] DType dtype)
    {
        float[] w = Stored(Sample.Normal(40 * 50, 1), dtype), a = Sample.Normal(Ranks * 50, 2), b = Sample.Normal(Ranks * 40, 3);
        a.AsSpan(100 * 50, 50 * 50).Fill(float.NaN);
        PackedMatrix packed = Pack(w, 40, 50, dtype);
        TensorView left = Upload(a, Ranks, 50), right = Upload(b, Ranks, 40);
        Backend.LoraMerge(left, right, [new(0, 0, 100, 50, 0, 0f), new(0, 0, 120, 0, 0, 1f)], packed);
        Assert.That(Unpack(packed), Is.EqualTo(w), "nothing but skipped segments is the identity");
        Backend.LoraMerge(left, right, [new(0, 0, 0, 100, 0, 1f), new(0, 0, 100, 50, 0, 0f)], packed);
        Assert.That(Unpack(packed), Has.None.NaN);
    }

    [Test]
    public void Merging_equals_applying()
    {
        (int n, int outputs, int inputs) = (20, 72, 60);
        TensorView a = Upload(Sample.Normal(16 * inputs, 1), 16, inputs), b = Upload(Sample.Normal(16 * outputs, 2), 16, outputs);
        TensorView x = Upload(Sample.Normal(n * inputs, 3), n, inputs), s = Unwritten(n, 16);
        TensorView applied = Unwritten(n, outputs), merged = Unwritten(n, outputs);
        PackedMatrix packed = Pack(Sample.Normal(outputs * inputs, 4), outputs, inputs, DType.F32);
        LoraGroup[] groups = [new(0, n, 0, 10, 0, 0.5f), new(0, n, 10, 6, 10, 2f)];
        Backend.LinearForward(x, packed, default, false, applied);
        Backend.LoraForward(x, a, b, groups, s, applied);
        Backend.LoraMerge(a, b, groups, packed);
        Backend.LinearForward(x, packed, default, false, merged);
        Tolerance.AssertClose(Download(merged), Download(applied).Wide(), Tolerance.For(DType.F32, 2 * (inputs + 16)));
    }

    [Test]
    public void A_group_outside_the_stack_is_named()
    {
        TensorView a = Upload(new float[8], 4, 2), b = Upload(new float[12], 4, 3);
        PackedMatrix w = Pack(new float[6], 3, 2, DType.F32);
        Assert.That(() => Backend.LoraMerge(a, b, [new(0, 0, 3, 2, 0, 1f)], w), Throws.ArgumentException.With.Message.Contains("ranks: expected"));
    }

    private void AssertMerges(LoraGroup[] groups, int ranks, int outputs, int inputs, DType dtype)
    {
        float[] w = Stored(Sample.Normal(outputs * inputs, 1), dtype), a = Sample.Normal(ranks * inputs, 2), b = Sample.Normal(ranks * outputs, 3);
        PackedMatrix packed = Pack(w, outputs, inputs, dtype);
        Backend.LoraMerge(Upload(a, ranks, inputs), Upload(b, ranks, outputs), groups, packed);
        double[] expected = Merge(value => value), sizes = Merge(Math.Abs);
        float[] merged = Unpack(packed);
        // Both factors are split for the tensor cores: 3 · 2⁻¹⁶ of every term; the rounding of the sum is its own size's.
        double split = dtype == DType.BF16 ? 3 * Math.ScaleB(1, -16) : 0, roundoff = dtype == DType.BF16 ? Math.ScaleB(1, -8) : 0;
        double[] bounds = [.. sizes.Zip(expected, (size, value) => ((Tolerance.For(DType.F32, ranks + 1) + split) * size) + (roundoff * Math.Abs(value)))];
        Tolerance.AssertClose(merged, expected, bounds, 1);

        double[] Merge(Func<double, double> of)
        {
            double[] Wide(float[] values) => Array.ConvertAll(values, value => of(value));
            return Reference.LoraMerge.Merge(Wide(w), Wide(a), Wide(b), [.. groups.Select(g => g with { Scaling = (float)of(g.Scaling) })], outputs, inputs);
        }
    }
}
