using NativeFl.Tensors;
using NativeFl.Tests.Reference;

namespace NativeFl.Tests.Tensors;

public sealed class LoraTests
{
    private const int Ranks = 40, Rows = 90;

    private static readonly LoraGroup[][] Groupings =
    [
        [new(0, Rows, 0, Ranks, 0, 2f)],
        [new(0, 1, 0, 1, 0, 0.5f), new(1, 50, 1, 16, 0, 2f), new(51, 33, 17, 23, 3, 1.5f)],
        [new(60, 30, 0, 8, 0, 1f), new(0, 60, 8, 4, 0, 2f)], // rows out of order
        [new(0, Rows, 0, 8, 0, 0.25f), new(0, Rows, 8, 32, 8, 0.75f)], // the same rows through two adapters
        [new(0, 40, 4, 16, 0, 1f), new(40, 50, 4, 16, 0, 1f)], // one adapter over two runs of rows
        [new(0, 30, 0, 0, 0, 1f), new(30, 0, 0, 8, 0, 1f), new(30, 20, 8, 8, 0, 0f), new(50, 20, 16, 8, 0, 1f)],
    ];

    [Test]
    public void Forward_and_backward_match_the_reference(
        [Range(0, 5)] int grouping, [Values(33, 64, 300)] int inputs, [Values(17, 96)] int outputs, [Values(512, 256, 128)] int bits)
    {
        LoraGroup[] groups = Groupings[grouping];
        using var bench = new TensorBench(2, bits);
        var run = new Case(bench, inputs, outputs);
        run.Run(groups);

        var reference = new Lora(inputs, outputs);
        double[] y = TensorBench.Wide(run.Y), da = TensorBench.Wide(run.DA), db = TensorBench.Wide(run.DB), dx = TensorBench.Wide(run.DX);
        double[] x = TensorBench.Wide(run.X), a = TensorBench.Wide(run.A), b = TensorBench.Wide(run.B), dy = TensorBench.Wide(run.DY);
        reference.Forward(x, a, b, groups, y);
        reference.Backward(dy, x, a, b, groups, da, db, dx);
        // Two sums in a row: the second one's terms carry the error of the first.
        Tolerance.AssertClose(run.ResultY, y, Tolerance.For(DType.F32, inputs + Ranks + 2));
        Tolerance.AssertClose(run.ResultDA, da, Tolerance.For(DType.F32, outputs + Rows + 2));
        Tolerance.AssertClose(run.ResultDB, db, Tolerance.For(DType.F32, inputs + Rows + 2));
        Tolerance.AssertClose(run.ResultDX, dx, Tolerance.For(DType.F32, outputs + Ranks + 2));
    }

    [Test]
    public void The_reference_gradients_match_finite_differences()
    {
        (int inputs, int outputs) = (5, 4);
        LoraGroup[] groups = [new(0, 2, 0, 2, 0, 1.5f), new(2, 1, 2, 1, 0, 0.5f), new(0, 3, 3, 1, 3, 2f)];
        using var bench = new TensorBench(1);
        double[] x = TensorBench.Wide(bench.Random(3 * inputs)), dy = TensorBench.Wide(bench.Random(3 * outputs));
        double[] a = TensorBench.Wide(bench.Random(4 * inputs)), b = TensorBench.Wide(bench.Random(4 * outputs));
        var lora = new Lora(inputs, outputs);
        double[] Forward()
        {
            double[] y = new double[3 * outputs];
            lora.Forward(x, a, b, groups, y);
            return y;
        }
        double[] da = new double[a.Length], db = new double[b.Length], dx = new double[x.Length];
        lora.Backward(dy, x, a, b, groups, da, db, dx);
        Assert.That(da, Is.EqualTo(FiniteDifference.Gradient(a, dy, Forward)).Within(1e-8));
        Assert.That(db, Is.EqualTo(FiniteDifference.Gradient(b, dy, Forward)).Within(1e-8));
        Assert.That(dx, Is.EqualTo(FiniteDifference.Gradient(x, dy, Forward)).Within(1e-8));
    }

    [Test]
    public void The_bits_do_not_depend_on_the_thread_count([Values(512, 256, 128)] int bits)
    {
        List<float[]>? first = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using var bench = new TensorBench(threads, bits);
            var run = new Case(bench, 290, 310);
            run.Run(Groupings[1]);
            List<float[]> results = [run.ResultY, run.ResultDA, run.ResultDB, run.ResultDX];
            first ??= results;
            Assert.That(results, Is.EqualTo(first));
        }
    }

    [Test]
    public void A_client_alone_gives_the_bits_that_it_gives_among_others()
    {
        using var bench = new TensorBench();
        var together = new Case(bench, 64, 96);
        var alone = new Case(bench, together);
        together.Run(Groupings[1]);
        alone.Run([Groupings[1][1]]);
        LoraGroup g = Groupings[1][1];
        Assert.That(Part(alone.ResultY, g.RowStart, g.RowCount, 96), Is.EqualTo(Part(together.ResultY, g.RowStart, g.RowCount, 96)));
        Assert.That(Part(alone.ResultDA, g.RankStart, g.RankCount, 64), Is.EqualTo(Part(together.ResultDA, g.RankStart, g.RankCount, 64)));
        Assert.That(Part(alone.ResultDB, g.RankStart, g.RankCount, 96), Is.EqualTo(Part(together.ResultDB, g.RankStart, g.RankCount, 96)));
    }

    [Test]
    public void A_NaN_in_a_skipped_segment_reaches_nothing()
    {
        using var bench = new TensorBench();
        var run = new Case(bench, 48, 80);
        // Ranks 8..15 belong to nobody or to a group of scaling zero; their factors are NaN.
        run.PoisonRanks(8, 8);
        run.Run([new(0, 45, 0, 8, 0, 1f), new(0, 45, 8, 8, 8, 0f), new(45, 45, 16, 24, 0, 1f)]);
        foreach (float[] result in new[] { run.ResultY, run.ResultDA, run.ResultDB, run.ResultDX })
            Assert.That(result, Has.None.NaN);
        Assert.That(Part(run.ResultDA, 8, 8, 48), Is.EqualTo(Part(run.DA, 8, 8, 48)), "the skipped ranks' gradients are untouched");
    }

    [Test]
    public void A_NaN_of_one_client_stays_with_it()
    {
        using var bench = new TensorBench();
        var run = new Case(bench, 48, 80);
        run.PoisonRanks(8, 8);
        run.Run([new(0, 45, 0, 8, 0, 1f), new(45, 45, 8, 8, 0, 1f)]);
        Assert.That(Part(run.ResultY, 0, 45, 80), Has.None.NaN);
        Assert.That(Part(run.ResultDA, 0, 8, 48), Has.None.NaN);
        Assert.That(Part(run.ResultY, 45, 45, 80), Has.All.NaN);
    }

    [Test]
    public void Frozen_factors_and_an_unwanted_input_gradient_are_left_out()
    {
        using var bench = new TensorBench();
        var run = new Case(bench, 48, 80);
        run.Run(Groupings[1], withFactors: false, withInput: false);
        Assert.That(run.ResultDA, Is.EqualTo(run.DA));
        Assert.That(run.ResultDB, Is.EqualTo(run.DB));
        Assert.That(run.ResultDX, Is.EqualTo(run.DX));
        Assert.That(run.ResultY, Is.Not.EqualTo(run.Y));
    }

    [Test]
    public void A_group_outside_its_tensors_is_named()
    {
        using var bench = new TensorBench();
        var run = new Case(bench, 8, 8);
        Assert.That(
            () => run.Run([new(80, 11, 0, 4, 0, 1f)]),
            Throws.ArgumentException.With.Message.Contains("rows: expected a range inside 0..90, got 80..91"));
        Assert.That(() => run.Run([new(0, 9, 39, 2, 0, 1f)]), Throws.ArgumentException.With.Message.Contains("ranks: expected"));
        Assert.That(() => run.Run([new(0, 9, 0, 4, 38, 1f)]), Throws.ArgumentException.With.Message.Contains("columns of s: expected"));
    }

    private static float[] Part(float[] values, int row, int rows, int columns) => values[(row * columns)..((row + rows) * columns)];

    /// <summary>One call of both directions on random operands; every gradient starts from something other than zero.</summary>
    private sealed class Case
    {
        private readonly TensorBench _bench;
        private readonly int _inputs;
        private readonly int _outputs;

        public Case(TensorBench bench, int inputs, int outputs)
        {
            (_bench, _inputs, _outputs) = (bench, inputs, outputs);
            (X, A, B) = (bench.Random(Rows * inputs), bench.Random(Ranks * inputs), bench.Random(Ranks * outputs));
            (Y, DY, DX) = (bench.Random(Rows * outputs), bench.Random(Rows * outputs), bench.Random(Rows * inputs));
            (DA, DB) = (bench.Random(Ranks * inputs), bench.Random(Ranks * outputs));
        }

        public Case(TensorBench bench, Case other)
        {
            (_bench, _inputs, _outputs) = (bench, other._inputs, other._outputs);
            (X, A, B, Y, DY, DX, DA, DB) = (other.X, other.A, other.B, other.Y, other.DY, other.DX, other.DA, other.DB);
        }

        public float[] X { get; }

        public float[] A { get; }

        public float[] B { get; }

        public float[] Y { get; }

        public float[] DY { get; }

        public float[] DX { get; }

        public float[] DA { get; }

        public float[] DB { get; }

        public float[] ResultY { get; private set; } = [];

        public float[] ResultDA { get; private set; } = [];

        public float[] ResultDB { get; private set; } = [];

        public float[] ResultDX { get; private set; } = [];

        public void PoisonRanks(int start, int count)
        {
            A.AsSpan(start * _inputs, count * _inputs).Fill(float.NaN);
            B.AsSpan(start * _outputs, count * _outputs).Fill(float.NaN);
        }

        public void Run(LoraGroup[] groups, bool withFactors = true, bool withInput = true)
        {
            TensorView x = _bench.Tensor(X, Rows, _inputs), a = _bench.Tensor(A, Ranks, _inputs), b = _bench.Tensor(B, Ranks, _outputs);
            TensorView y = _bench.Tensor(Y, Rows, _outputs), dy = _bench.Tensor(DY, Rows, _outputs), dx = _bench.Tensor(DX, Rows, _inputs);
            TensorView da = _bench.Tensor(DA, Ranks, _inputs), db = _bench.Tensor(DB, Ranks, _outputs);
            TensorView s = _bench.Empty(Rows, Ranks), ds = _bench.Empty(Rows, Ranks);
            _bench.Backend.Fill(float.NaN, s);
            _bench.Backend.Fill(float.NaN, ds);
            _bench.Backend.LoraForward(x, a, b, groups, s, y);
            _bench.Backend.LoraBackward(
                dy, x, a, b, s, groups, ds, withFactors ? da : default, withFactors ? db : default, withInput ? dx : default);
            (ResultY, ResultDA) = (TensorBench.Values(y), TensorBench.Values(da));
            (ResultDB, ResultDX) = (TensorBench.Values(db), TensorBench.Values(dx));
        }
    }
}
