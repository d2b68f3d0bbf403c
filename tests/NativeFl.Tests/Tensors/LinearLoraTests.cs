using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

/// <summary>The fused pair is its two halves, whose own tests hold them to the reference: same bits, whatever the groups leave out.</summary>
public sealed class LinearLoraTests
{
    private const int Rows = 300, Ranks = 40, Inputs = 290, Outputs = 97;

    private static readonly LoraGroup[][] Groupings =
    [
        [new(0, Rows, 0, Ranks, 0, 1.5f)],
        [new(10, 120, 0, 16, 0, 2f), new(150, 100, 16, 24, 5, 0.5f)], // rows of nobody before, between and behind
        [new(0, 100, 0, 16, 0, 0f), new(100, 100, 16, 0, 0, 1f), new(200, 100, 16, 8, 0, 1f)],
        [new(200, 100, 0, 8, 0, 1f), new(0, 200, 8, 4, 0, 2f)], // out of order: not fused
        [new(0, Rows, 0, 8, 0, 0.25f), new(0, Rows, 8, 32, 8, 0.75f)], // the same rows twice: not fused
        [],
    ];

    [Test]
    public void The_pair_has_the_bits_of_its_halves(
        [Range(0, 5)] int grouping, [Values(1, 3)] int threads, [Values(512, 256, 128)] int bits, [Values(DType.F32, DType.BF16)] DType type,
        [Values] bool accumulate)
    {
        LoraGroup[] groups = Groupings[grouping];
        using var bench = new TensorBench(threads, bits);
        PackedMatrix w = bench.Packed(bench.Random(Outputs * Inputs), Outputs, Inputs, type);
        TensorView x = bench.Tensor(bench.Random(Rows * Inputs), Rows, Inputs), dy = bench.Tensor(bench.Random(Rows * Outputs), Rows, Outputs);
        TensorView a = bench.Tensor(bench.Random(Ranks * Inputs), Ranks, Inputs), b = bench.Tensor(bench.Random(Ranks * Outputs), Ranks, Outputs);
        TensorView bias = accumulate ? bench.Tensor(bench.Random(Outputs), 1, Outputs) : default;
        float[] start = bench.Random(Rows * Inputs);

        float[][] Run(bool fused)
        {
            TensorView s = bench.Empty(Rows, Ranks), ds = bench.Empty(Rows, Ranks), y = bench.Empty(Rows, Outputs);
            TensorView da = bench.Tensor(new float[Ranks * Inputs], Ranks, Inputs), db = bench.Tensor(new float[Ranks * Outputs], Ranks, Outputs);
            TensorView dx = bench.Tensor(start, Rows, Inputs);
            if (fused)
            {
                bench.Backend.LinearLoraForward(x, w, bias, a, b, groups, s, y);
                bench.Backend.LinearLoraBackward(dy, w, x, a, b, s, groups, accumulate, ds, da, db, dx);
            }
            else
            {
                bench.Backend.LinearForward(x, w, bias, false, y);
                bench.Backend.LoraForward(x, a, b, groups, s, y);
                bench.Backend.LinearBackward(dy, w, accumulate, dx);
                bench.Backend.LoraBackward(dy, x, a, b, s, groups, ds, da, db, dx);
            }

            return [TensorBench.Values(y), TensorBench.Values(da), TensorBench.Values(db), TensorBench.Values(dx)];
        }

        Assert.That(Run(fused: true), Is.EqualTo(Run(fused: false)));
    }

    [Test]
    public void Without_an_input_gradient_only_the_factors_get_theirs()
    {
        using var bench = new TensorBench(1);
        PackedMatrix w = bench.Packed(bench.Random(Outputs * Inputs), Outputs, Inputs, DType.F32);
        TensorView x = bench.Tensor(bench.Random(Rows * Inputs), Rows, Inputs), dy = bench.Tensor(bench.Random(Rows * Outputs), Rows, Outputs);
        TensorView a = bench.Tensor(bench.Random(Ranks * Inputs), Ranks, Inputs), b = bench.Tensor(bench.Random(Ranks * Outputs), Ranks, Outputs);
        TensorView s = bench.Tensor(bench.Random(Rows * Ranks), Rows, Ranks), ds = bench.Empty(Rows, Ranks);
        LoraGroup[] groups = Groupings[0];
        TensorView da = bench.Tensor(new float[Ranks * Inputs], Ranks, Inputs), expected = bench.Tensor(new float[Ranks * Inputs], Ranks, Inputs);
        bench.Backend.LinearLoraBackward(dy, w, x, a, b, s, groups, false, ds, da, default, default);
        bench.Backend.LoraBackward(dy, x, a, b, s, groups, ds, expected, default, default);
        Assert.That(TensorBench.Values(da), Is.EqualTo(TensorBench.Values(expected)));
    }
}
