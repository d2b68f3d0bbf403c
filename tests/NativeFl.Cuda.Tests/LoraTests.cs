using NativeFl.Tensors;
using NativeFl.Tests;
using NativeFl.Tests.Reference;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

internal sealed class LoraTests : CudaTest
{
    private const int Ranks = 40, Rows = 90;

    // Splitting an f32 operand into two bf16 planes errs by 2⁻¹⁶ of every term.
    private static readonly double Split = Math.ScaleB(1, -16);

    private static readonly LoraGroup[][] Groupings =
    [
        [new(0, Rows, 0, Ranks, 0, 2f)],
        [new(0, 1, 0, 1, 0, 0.5f), new(1, 50, 1, 16, 0, 2f), new(51, 33, 17, 23, 3, 1.5f)],
        [new(60, 30, 0, 8, 0, 1f), new(0, 60, 8, 4, 0, 2f)], // rows out of order
        [new(0, Rows, 0, 8, 0, 0.25f), new(0, Rows, 8, 32, 8, 0.75f)], // the same rows through two adapters
        [new(0, 40, 4, 16, 0, 1f), new(40, 50, 4, 16, 0, 1f)], // one adapter over two runs of rows
        [new(0, 30, 0, 0, 0, 1f), new(30, 0, 0, 8, 0, 1f), new(30, 20, 8, 8, 0, 0f), new(50, 20, 16, 8, 0, 1f)],
        [new(0, 60, 8, 8, 0, 1f), new(0, 60, 0, 8, 8, 2f), new(30, 60, 16, 4, 16, 1f)], // ranks out of order, rows that overlap in part
    ];

    private static readonly (int Inputs, int Outputs)[] Widths = [(33, 17), (64, 136), (1, 1)];

    [Test]
    public void Forward_and_backward_match_the_reference(
        [Range(0, 6)] int grouping, [ValueSource(nameof(Widths))] (int Inputs, int Outputs) widths, [Values(DType.F32, DType.BF16)] DType dtype)
    {
        var run = new Case(Rows, Ranks, widths.Inputs, widths.Outputs, dtype);
        Check(run, Run(run, Groupings[grouping]), Groupings[grouping]);
    }

    [Test]
    public void Any_mix_of_ranks_runs_in_one_launch([Values(DType.F32, DType.BF16)] DType dtype)
    {
        LoraGroup[] groups =
            [new(0, 9, 0, 512, 0, 0.1f), new(9, 20, 512, 0, 0, 1f), new(29, 1, 512, 1, 0, 1f), new(30, 35, 513, 100, 7, 0.5f), new(65, 5, 613, 17, 0, 2f)];
        var run = new Case(70, 630, 40, 24, dtype);
        Check(run, Run(run, groups), groups);
    }

    [Test]
    public void Long_sums_are_split_and_summed_in_order([Values(DType.F32, DType.BF16)] DType dtype)
    {
        LoraGroup[] wideGroups = [new(0, 5, 0, 16, 0, 1f), new(5, 2, 16, 4, 0, 2f)];
        var wide = new Case(7, 20, 2048, 1100, dtype); // a model's width in, and one that is no multiple of the split
        Check(wide, Run(wide, wideGroups), wideGroups);

        LoraGroup[] longGroups = [new(0, 2100, 0, 5, 0, 1f), new(2100, 40, 5, 3, 0, 2f)];
        var tall = new Case(2140, 8, 24, 17, dtype);
        Check(tall, Run(tall, longGroups), longGroups);
    }

    [Test]
    public void The_same_inputs_give_the_same_bits_and_a_client_alone_those_that_it_gives_among_others([Values(DType.F32, DType.BF16)] DType dtype)
    {
        var run = new Case(Rows, Ranks, 64, 96, dtype);
        Results together = Run(run, Groupings[1]), again = Run(run, Groupings[1]), alone = Run(run, [Groupings[1][1]]);
        Assert.That((again.Y, again.DA, again.DB, again.DX), Is.EqualTo((together.Y, together.DA, together.DB, together.DX)));
        LoraGroup g = Groupings[1][1];
        Assert.That(Part(alone.Y, g.RowStart, g.RowCount, 96), Is.EqualTo(Part(together.Y, g.RowStart, g.RowCount, 96)));
        Assert.That(Part(alone.DX, g.RowStart, g.RowCount, 64), Is.EqualTo(Part(together.DX, g.RowStart, g.RowCount, 64)));
        Assert.That(Part(alone.DA, g.RankStart, g.RankCount, 64), Is.EqualTo(Part(together.DA, g.RankStart, g.RankCount, 64)));
        Assert.That(Part(alone.DB, g.RankStart, g.RankCount, 96), Is.EqualTo(Part(together.DB, g.RankStart, g.RankCount, 96)));
    }

    [Test]
    public void A_NaN_in_a_skipped_segment_reaches_nothing([Values(DType.F32, DType.BF16)] DType dtype)
    {
        var run = new Case(Rows, Ranks, 48, 80, dtype);
        // Ranks 8..15 belong to nobody or to a group of scaling zero; their factors are NaN.
        run.PoisonRanks(8, 8);
        Results results = Run(run, [new(0, 45, 0, 8, 0, 1f), new(0, 45, 8, 8, 8, 0f), new(45, 45, 16, 24, 0, 1f)]);
        foreach (float[] result in new[] { results.Y, results.DA, results.DB, results.DX }) Assert.That(result, Has.None.NaN);
        Assert.That(Part(results.DA, 8, 8, 48), Is.EqualTo(Part(run.DA, 8, 8, 48)), "the skipped ranks' gradients are untouched");
    }

    [Test]
    public void A_NaN_of_one_client_stays_with_it([Values(DType.F32, DType.BF16)] DType dtype)
    {
        var run = new Case(Rows, Ranks, 48, 80, dtype);
        run.PoisonRanks(8, 8);
        Results results = Run(run, [new(0, 45, 0, 8, 0, 1f), new(45, 45, 8, 8, 0, 1f)]);
        Assert.That(Part(results.Y, 0, 45, 80), Has.None.NaN);
        Assert.That(Part(results.DX, 0, 45, 48), Has.None.NaN);
        Assert.That(Part(results.DA, 0, 8, 48), Has.None.NaN);
        Assert.That(Part(results.DB, 0, 8, 80), Has.None.NaN);
        Assert.That(Part(results.Y, 45, 45, 80), Has.All.NaN);
    }

    [Test]
    public void Frozen_factors_and_an_unwanted_input_gradient_are_left_out()
    {
        var run = new Case(Rows, Ranks, 48, 80, DType.BF16);
        Results results = Run(run, Groupings[1], withA: false, withB: false, withInput: false), onlyB = Run(run, Groupings[1], withA: false);
        Assert.That(results.DA, Is.EqualTo(run.DA));
        Assert.That(results.DB, Is.EqualTo(run.DB));
        Assert.That(results.DX, Is.EqualTo(run.DX));
        Assert.That(results.Y, Is.Not.EqualTo(run.Y));
        Assert.That(onlyB.DA, Is.EqualTo(run.DA));
        Assert.That(onlyB.DB, Is.EqualTo(Run(run, Groupings[1]).DB));
    }

    [Test]
    public void Rows_that_no_group_covers_are_untouched()
    {
        var run = new Case(Rows, Ranks, 33, 47, DType.BF16);
        Results results = Run(run, [new(3, 5, 1, 7, 2, 1f)]);
        Assert.That(Part(results.Y, 0, 3, 47), Is.EqualTo(Part(run.Y, 0, 3, 47)));
        Assert.That(Part(results.Y, 8, 82, 47), Is.EqualTo(Part(run.Y, 8, 82, 47)));
        Assert.That(Part(results.DX, 8, 82, 33), Is.EqualTo(Part(run.DX, 8, 82, 33)));
        Assert.That(Part(results.DA, 8, 32, 33), Is.EqualTo(Part(run.DA, 8, 32, 33)));
    }

    [Test]
    public void A_replayed_step_follows_its_groups_and_gives_the_same_bits()
    {
        var run = new Case(Rows, Ranks, 64, 96, DType.BF16);
        float[] Train(Action<Action> step)
        {
            TensorView x = Upload(run.X, Rows, 64, DType.BF16), y = Upload(run.Y, Rows, 96, DType.BF16), dy = Upload(run.DY, Rows, 96, DType.BF16);
            TensorView a = Upload(run.A, Ranks, 64), b = Upload(run.B, Ranks, 96), da = Upload(run.DA, Ranks, 64), db = Upload(run.DB, Ranks, 96);
            TensorView s = Unwritten(Rows, Ranks), ds = Unwritten(Rows, Ranks);
            for (int i = 0; i < 4; i++)
            {
                // The same geometry every time, other numbers: the graph stays, the staged entries change.
                LoraGroup[] groups = [new(0, 50, 0, 16, 0, 1f + i), new(50, 40, 16 + i, 20, 2, 0.5f * (i + 1))];
                step(() =>
                {
                    Backend.LoraForward(x, a, b, groups, s, y);
                    Backend.LoraBackward(dy, x, a, b, s, groups, ds, da, db, default);
                });
            }
            return [.. Download(y), .. Download(da), .. Download(db)];
        }
        Assert.That(Train(Backend.Replay), Is.EqualTo(Train(step => step())));
    }

    [Test]
    public void A_group_outside_its_tensors_is_named()
    {
        var run = new Case(Rows, Ranks, 8, 8, DType.F32);
        Assert.That(
            () => Run(run, [new(80, 11, 0, 4, 0, 1f)]),
            Throws.ArgumentException.With.Message.Contains("rows: expected a range inside 0..90, got 80..91"));
        Assert.That(() => Run(run, [new(0, 9, 39, 2, 0, 1f)]), Throws.ArgumentException.With.Message.Contains("ranks: expected"));
        Assert.That(() => Run(run, [new(0, 9, 0, 4, 38, 1f)]), Throws.ArgumentException.With.Message.Contains("columns of s: expected"));
    }

    private static float[] Part(float[] values, int row, int rows, int columns) => values[(row * columns)..((row + rows) * columns)];

    // The error of every element is relative to the sum of the magnitudes of its terms: the reference of absolute values.
    private static void Check(Case run, Results results, LoraGroup[] groups)
    {
        var reference = new Lora(run.Inputs, run.Outputs);
        (double[] y, double[] da, double[] db, double[] dx) = Expected(value => value);
        (double[] sizeY, double[] sizeDA, double[] sizeDB, double[] sizeDX) = Expected(Math.Abs);
        bool isSplit = run.DType == DType.BF16;
        // Two sums in a row: the second one's terms carry the error of the first. S and dS are split where they are multiplied again.
        Tolerance.AssertClose(results.Y, y, sizeY, Tolerance.For(run.DType, run.Inputs + run.Ranks + 2) + (isSplit ? 4 * Split : 0));
        Tolerance.AssertClose(results.DX, dx, sizeDX, Tolerance.For(run.DType, run.Outputs + run.Ranks + 2) + (isSplit ? 4 * Split : 0));
        Tolerance.AssertClose(results.DA, da, sizeDA, Tolerance.For(DType.F32, run.Outputs + run.Rows + 2) + (isSplit ? 2 * Split : 0));
        Tolerance.AssertClose(results.DB, db, sizeDB, Tolerance.For(DType.F32, run.Inputs + run.Rows + 2) + (isSplit ? 2 * Split : 0));

        (double[] Y, double[] DA, double[] DB, double[] DX) Expected(Func<double, double> of)
        {
            double[] Wide(float[] values) => Array.ConvertAll(values, value => of(value));
            (double[] y, double[] da, double[] db, double[] dx) = (Wide(run.Y), Wide(run.DA), Wide(run.DB), Wide(run.DX));
            reference.Forward(Wide(run.X), Wide(run.A), Wide(run.B), groups, y);
            reference.Backward(Wide(run.DY), Wide(run.X), Wide(run.A), Wide(run.B), groups, da, db, dx);
            return (y, da, db, dx);
        }
    }

    private Results Run(Case run, LoraGroup[] groups, bool withA = true, bool withB = true, bool withInput = true)
    {
        TensorView x = Upload(run.X, run.Rows, run.Inputs, run.DType), a = Upload(run.A, run.Ranks, run.Inputs), b = Upload(run.B, run.Ranks, run.Outputs);
        TensorView y = Upload(run.Y, run.Rows, run.Outputs, run.DType), dy = Upload(run.DY, run.Rows, run.Outputs, run.DType);
        TensorView dx = Upload(run.DX, run.Rows, run.Inputs, run.DType);
        TensorView da = Upload(run.DA, run.Ranks, run.Inputs), db = Upload(run.DB, run.Ranks, run.Outputs);
        TensorView s = Unwritten(run.Rows, run.Ranks), ds = Unwritten(run.Rows, run.Ranks);
        Backend.LoraForward(x, a, b, groups, s, y);
        Backend.LoraBackward(dy, x, a, b, s, groups, ds, withA ? da : default, withB ? db : default, withInput ? dx : default);
        return new Results(Download(y), Download(da), Download(db), Download(dx));
    }

    private sealed record Results(float[] Y, float[] DA, float[] DB, float[] DX);

    /// <summary>Random operands; every gradient starts from something other than zero.</summary>
    private sealed class Case(int rows, int ranks, int inputs, int outputs, DType dtype)
    {
        public int Rows => rows;

        public int Ranks => ranks;

        public int Inputs => inputs;

        public int Outputs => outputs;

        public DType DType => dtype;

        public float[] X { get; } = Stored(Sample.Normal(rows * inputs, 1), dtype);

        public float[] A { get; } = Sample.Normal(ranks * inputs, 2);

        public float[] B { get; } = Sample.Normal(ranks * outputs, 3);

        public float[] Y { get; } = Stored(Sample.Normal(rows * outputs, 4), dtype);

        public float[] DY { get; } = Stored(Sample.Normal(rows * outputs, 5), dtype);

        public float[] DX { get; } = Stored(Sample.Normal(rows * inputs, 6), dtype);

        public float[] DA { get; } = Sample.Normal(ranks * inputs, 7);

        public float[] DB { get; } = Sample.Normal(ranks * outputs, 8);

        public void PoisonRanks(int start, int count)
        {
            A.AsSpan(start * inputs, count * inputs).Fill(float.NaN);
            B.AsSpan(start * outputs, count * outputs).Fill(float.NaN);
        }
    }
}
