using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class AttentionTests : OpTest
{
    private static readonly AttentionSpan[] Packed = [new(0, 5, 0, 5), new(5, 0, 5, 0), new(5, 40, 5, 40), new(45, 1, 45, 1)];

    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    private static IEnumerable<TestCaseData> Cases()
    {
        yield return Case("one token", new(1, 1, 2, 0.7f), [AttentionSpan.Whole(0, 1)]);
        yield return Case("odd", new(3, 1, 6, 0.4f), [AttentionSpan.Whole(0, 7)]);
        yield return Case("no group", new(2, 2, 16, 0.25f), [AttentionSpan.Whole(0, 33)]);
        yield return Case("a tile and one", new(2, 1, 8, 0.35f), [AttentionSpan.Whole(0, 97)]);
        yield return Case("packed", new(4, 2, 32, 0.17f), Packed);
        yield return Case("window", new(4, 2, 10, 0.3f, 5), Packed);
        yield return Case("window over tiles", new(2, 1, 8, 0.3f, 70), [AttentionSpan.Whole(0, 260)]);
        yield return Case("cache", new(4, 2, 16, 0.25f), [new(0, 3, 0, 120), new(3, 1, 120, 1), new(4, 6, 121, 200)]);
        yield return Case("cache with window", new(4, 1, 16, 0.25f, 9), [new(0, 3, 0, 120), new(3, 2, 120, 30)]);
        yield return Case("wide group", new(130, 1, 4, 0.5f), [AttentionSpan.Whole(0, 3)]);
        yield return Case("model-sized", new(8, 2, 64, 0.125f), [AttentionSpan.Whole(0, 200), AttentionSpan.Whole(200, 113)]);
        yield return Case("head of 80", new(2, 2, 80, 0.11f), [AttentionSpan.Whole(0, 50)]);
    }

    [TestCaseSource(nameof(Cases))]
    public void Forward_matches_reference(AttentionShape shape, AttentionSpan[] spans)
    {
        Problem problem = Problem.Make(shape, spans);
        (float[] o, float[] lse) = Forward(problem);
        (double[] expectedO, double[] expectedLse) = Reference.Attention.Forward(problem.Q.Wide(), problem.K.Wide(), problem.V.Wide(), spans, shape);
        Agreement.Close(o, expectedO, Tolerance.For(DType.F32, shape.HeadWidth + problem.LongestRow), "o");
        Agreement.Close(lse, expectedLse, Tolerance.For(DType.F32, shape.HeadWidth + problem.LongestRow), "lse");
    }

    [TestCaseSource(nameof(Cases))]
    public void Backward_matches_reference(AttentionShape shape, AttentionSpan[] spans)
    {
        Problem problem = Problem.Make(shape, spans);
        (float[] dq, float[] dk, float[] dv) = Backward(problem);
        (double[] expectedQ, double[] expectedK, double[] expectedV) =
            Reference.Attention.Backward(problem.DO.Wide(), problem.Q.Wide(), problem.K.Wide(), problem.V.Wide(), spans, shape);

        // dP − delta is a difference of sums of D products of unit normals, of size √D, which may cancel to nothing.
        double bound = Tolerance.For(DType.F32, 4 * (shape.HeadWidth + problem.LongestRow)), size = shape.Scale * Math.Sqrt(shape.HeadWidth);
        Agreement.Close(dq, expectedQ, bound, "dq", size);
        Agreement.Close(dk, expectedK, bound, "dk", size);
        Agreement.Close(dv, expectedV, bound, "dv");
    }

    [Test]
    public void Reference_backward_matches_finite_differences([Values(0, 3)] int window)
    {
        var shape = new AttentionShape(4, 2, 4, 0.5f, window);
        AttentionSpan[] spans = [new(0, 2, 0, 6), new(2, 4, 6, 4)];
        Problem problem = Problem.Make(shape, spans);
        double[] weights = problem.DO.Wide(), q = problem.Q.Wide(), k = problem.K.Wide(), v = problem.V.Wide();
        double[] Output() => Reference.Attention.Forward(q, k, v, spans, shape).O;
        (double[] dq, double[] dk, double[] dv) = Reference.Attention.Backward(weights, q, k, v, spans, shape);
        Agreement.CloseToDifferences(dq, Reference.FiniteDifference.Gradient(q, weights, Output), "dq");
        Agreement.CloseToDifferences(dk, Reference.FiniteDifference.Gradient(k, weights, Output), "dk");
        Agreement.CloseToDifferences(dv, Reference.FiniteDifference.Gradient(v, weights, Output), "dv");
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        Problem problem = Problem.Make(new AttentionShape(6, 2, 32, 0.2f), [AttentionSpan.Whole(0, 150), AttentionSpan.Whole(150, 20)]);
        SameBitsOnAnyThreads(() =>
        {
            (float[] o, float[] lse) = Forward(problem);
            (float[] dq, float[] dk, float[] dv) = Backward(problem);
            return [.. o, .. lse, .. dq, .. dk, .. dv];
        });
    }

    [Test]
    public void Rows_of_no_span_become_zero()
    {
        var shape = new AttentionShape(2, 1, 8, 0.3f);
        Problem problem = Problem.Make(shape, [new(2, 3, 2, 3)], rows: 8);
        (float[] o, float[] lse) = Forward(problem);
        (float[] dq, float[] dk, float[] dv) = Backward(problem);
        Assert.Multiple(() =>
        {
            foreach ((float[] values, int width) in new[] { (o, 16), (lse, 2), (dq, 16), (dk, 8), (dv, 8) })
            {
                Assert.That(values[..(2 * width)], Is.All.Zero);
                Assert.That(values[(5 * width)..], Is.All.Zero);
                Assert.That(values[(2 * width)..(5 * width)], Has.Some.Not.Zero);
            }
        });
    }

    [Test]
    public void A_NaN_in_another_span_reaches_nothing()
    {
        var shape = new AttentionShape(4, 2, 16, 0.25f);
        AttentionSpan[] spans = [AttentionSpan.Whole(0, 20), AttentionSpan.Whole(20, 9), AttentionSpan.Whole(29, 30)];
        Problem clean = Problem.Make(shape, spans), dirty = Problem.Make(shape, spans);
        foreach (float[] values in new[] { dirty.Q, dirty.K, dirty.V, dirty.DO })
        {
            int width = values.Length / 59;
            Array.Fill(values, float.NaN, 20 * width, 9 * width);
        }

        (float[] o, float[] lse) = Forward(clean);
        (float[] dq, float[] dk, float[] dv) = Backward(clean);
        (float[] dirtyO, float[] dirtyLse) = Forward(dirty);
        (float[] dirtyQ, float[] dirtyK, float[] dirtyV) = Backward(dirty);
        Assert.Multiple(() =>
        {
            foreach ((float[] a, float[] b) in new[] { (o, dirtyO), (lse, dirtyLse), (dq, dirtyQ), (dk, dirtyK), (dv, dirtyV) })
            {
                int width = a.Length / 59;
                Assert.That(b[..(20 * width)], Is.EqualTo(a[..(20 * width)]));
                Assert.That(b[(29 * width)..], Is.EqualTo(a[(29 * width)..]));
                Assert.That(b[(20 * width)..(29 * width)], Is.All.NaN);
            }
        });
    }

    [Test]
    public void A_key_value_cache_gives_the_bits_of_the_whole_sequence([Values(0, 50)] int window, [Values(1, 7)] int queries)
    {
        const int length = 230;
        var shape = new AttentionShape(4, 2, 32, 0.2f, window);
        Problem whole = Problem.Make(shape, [AttentionSpan.Whole(0, length)]);
        var last = new Problem(shape, [new AttentionSpan(0, queries, 0, length)], whole.Q[^(queries * 128)..], whole.K, whole.V, whole.DO);
        (float[] o, float[] lse) = Forward(whole);
        (float[] lastO, float[] lastLse) = Forward(last);
        Assert.That(Agreement.Bits(lastO), Is.EqualTo(Agreement.Bits(o[^lastO.Length..])));
        Assert.That(Agreement.Bits(lastLse), Is.EqualTo(Agreement.Bits(lse[^lastLse.Length..])));
    }

    [Test]
    public void Large_scores_do_not_overflow()
    {
        var shape = new AttentionShape(1, 1, 8, 1f);
        AttentionSpan[] spans = [AttentionSpan.Whole(0, 120)];
        float[] q = Sample.Normal(120 * 8, 1, 100), k = Sample.Normal(120 * 8, 2, 100), v = Sample.Normal(120 * 8, 3);
        (float[] o, float[] lse) = Forward(new Problem(shape, spans, q, k, v, v));
        (double[] expectedO, double[] expectedLse) = Reference.Attention.Forward(q.Wide(), k.Wide(), v.Wide(), spans, shape);

        // Scores near 10⁵ carry rounding of 10⁵ · 2⁻²⁴ · √8 each, and a probability the exponential of that.
        Agreement.Close(o, expectedO, 1e5 * Math.Pow(2, -24) * Math.Sqrt(8) * 4, "o");
        Agreement.Close(lse, expectedLse, Tolerance.For(DType.F32, 8), "lse");
    }

    [Test]
    public void Rows_outside_the_tensors_are_refused()
    {
        Problem problem = Problem.Make(new AttentionShape(2, 1, 8, 0.3f), [AttentionSpan.Whole(0, 4)]);
        Assert.Multiple(() =>
        {
            foreach (AttentionSpan span in new AttentionSpan[] { new(0, 5, 0, 5), new(-1, 2, 0, 2), new(0, 2, 0, 1), new(0, 2, 3, 2) })
                Assert.That(() => Forward(problem with { Spans = [span] }), Throws.ArgumentException.With.Message.Contains("spans"));
            Assert.That(
                () => Backend.AttentionForward(
                    Unwritten(4, 16), Unwritten(4, 9), Unwritten(4, 8), problem.Spans, problem.Shape, Unwritten(4, 16), Unwritten(4, 2)),
                Throws.ArgumentException.With.Message.Contains("k: expected F32 (4, 8), got F32 (4, 9)"));
        });
    }

    private static TestCaseData Case(string name, AttentionShape shape, AttentionSpan[] spans) => new TestCaseData(shape, spans).SetArgDisplayNames(name);

    private (float[] O, float[] Lse) Forward(Problem p)
    {
        (int heads, int kvHeads, int width) = (p.Shape.Heads, p.Shape.KvHeads, p.Shape.HeadWidth);
        int rows = p.Q.Length / (heads * width), keyRows = p.K.Length / (kvHeads * width);
        TensorView o = Unwritten(rows, heads * width), lse = Unwritten(rows, heads);
        Backend.AttentionForward(
            Upload(p.Q, rows, heads * width), Upload(p.K, keyRows, kvHeads * width), Upload(p.V, keyRows, kvHeads * width),
            p.Spans, p.Shape, o, lse);
        return (Download(o), Download(lse));
    }

    private (float[] DQ, float[] DK, float[] DV) Backward(Problem p)
    {
        (int heads, int kvHeads, int width) = (p.Shape.Heads, p.Shape.KvHeads, p.Shape.HeadWidth);
        int rows = p.Q.Length / (heads * width), keyRows = p.K.Length / (kvHeads * width);
        (float[] o, float[] lse) = Forward(p);
        TensorView dq = Unwritten(rows, heads * width), dk = Unwritten(keyRows, kvHeads * width), dv = Unwritten(keyRows, kvHeads * width);
        Backend.AttentionBackward(
            Upload(p.DO, rows, heads * width), Upload(p.Q, rows, heads * width), Upload(p.K, keyRows, kvHeads * width),
            Upload(p.V, keyRows, kvHeads * width), Upload(o, rows, heads * width), Upload(lse, rows, heads),
            p.Spans, p.Shape, Unwritten(rows, heads), dq, dk, dv);
        return (Download(dq), Download(dk), Download(dv));
    }

    private sealed record Problem(AttentionShape Shape, AttentionSpan[] Spans, float[] Q, float[] K, float[] V, float[] DO)
    {
        public int LongestRow => Spans.Max(span => span.KeyCount);

        public static Problem Make(AttentionShape shape, AttentionSpan[] spans, int rows = 0)
        {
            int queries = Math.Max(rows, spans.Max(s => s.QueryStart + s.QueryCount)), keys = Math.Max(rows, spans.Max(s => s.KeyStart + s.KeyCount));
            int width = shape.Heads * shape.HeadWidth, kvWidth = shape.KvHeads * shape.HeadWidth;
            return new Problem(
                shape, spans, Sample.Normal(queries * width, 1), Sample.Normal(keys * kvWidth, 2), Sample.Normal(keys * kvWidth, 3), Sample.Normal(queries * width, 4));
        }
    }
}
