using NativeFl.Tensors;
using NativeFl.Tests;
using NativeFl.Tests.Tensors;
using Reference = NativeFl.Tests.Reference;

namespace NativeFl.Cuda.Tests;

[TestFixture(DType.F32)]
[TestFixture(DType.BF16)]
internal sealed class AttentionTests(DType dtype) : CudaTest
{
    private static readonly AttentionSpan[] Packed = [new(0, 5, 0, 5), new(5, 0, 5, 0), new(5, 40, 5, 40), new(45, 1, 45, 1)];

    protected override CudaBackendOptions Configure(CudaBackendOptions options) => options with { ActivationType = dtype };

    private static IEnumerable<TestCaseData> Cases()
    {
        yield return Case("one token", new(1, 1, 2, 0.7f), [AttentionSpan.Whole(0, 1)]);
        yield return Case("odd", new(3, 1, 6, 0.4f), [AttentionSpan.Whole(0, 7)]);
        yield return Case("no group", new(2, 2, 16, 0.25f), [AttentionSpan.Whole(0, 33)]);
        yield return Case("a tile and one", new(2, 1, 8, 0.35f), [AttentionSpan.Whole(0, 129)]);
        yield return Case("packed", new(4, 2, 32, 0.17f), Packed);
        yield return Case("window", new(4, 2, 10, 0.3f, 5), Packed);
        yield return Case("window over tiles", new(2, 1, 8, 0.3f, 70), [AttentionSpan.Whole(0, 230)]);
        yield return Case("cache", new(4, 2, 16, 0.25f), [new(0, 3, 0, 120), new(3, 1, 120, 1), new(4, 6, 121, 200)]);
        yield return Case("cache with window", new(4, 1, 16, 0.25f, 9), [new(0, 3, 0, 120), new(3, 2, 120, 30)]);
        yield return Case("one query of a cache", new(7, 1, 64, 0.125f), [new(0, 1, 0, 200)]);
        yield return Case("wide group", new(130, 1, 4, 0.5f), [AttentionSpan.Whole(0, 3)]);
        yield return Case("model-sized", new(14, 2, 64, 0.125f), [AttentionSpan.Whole(0, 30), AttentionSpan.Whole(30, 13)]);
        yield return Case("head of 34", new(2, 1, 34, 0.17f), [AttentionSpan.Whole(0, 70)]);
        yield return Case("head of 80", new(2, 2, 80, 0.11f), [AttentionSpan.Whole(0, 50)]);
        yield return Case("head of 128", new(4, 2, 128, 0.09f), [AttentionSpan.Whole(0, 75)]);
        yield return Case("head of 182", new(1, 1, 182, 0.07f, 30), [AttentionSpan.Whole(0, 40)]);
        yield return Case("head of 256", new(2, 1, 256, 0.0625f), [AttentionSpan.Whole(0, 70)]);
    }

    [TestCaseSource(nameof(Cases))]
    public void Forward_matches_reference(AttentionShape shape, AttentionSpan[] spans)
    {
        Problem problem = Make(shape, spans);
        (float[] o, float[] lse) = Forward(problem);
        (double[] expectedO, double[] expectedLse) =
            Reference.Attention.Forward(problem.Q.Wide(), problem.K.Wide(), problem.V.Wide(), spans, shape);
        AttentionBound bound = Bound(problem);
        Tolerance.AssertClose(o, expectedO, bound.O, 1);
        Tolerance.AssertClose(lse, expectedLse, bound.Lse, 1);
    }

    [TestCaseSource(nameof(Cases))]
    public void Backward_matches_reference(AttentionShape shape, AttentionSpan[] spans)
    {
        Problem problem = Make(shape, spans);
        (float[] dq, float[] dk, float[] dv) = Backward(problem);
        (double[] expectedQ, double[] expectedK, double[] expectedV) =
            Reference.Attention.Backward(problem.DO.Wide(), problem.Q.Wide(), problem.K.Wide(), problem.V.Wide(), spans, shape);
        AttentionBound bound = Bound(problem);
        Tolerance.AssertClose(dv, expectedV, bound.DV, 1);
        Tolerance.AssertClose(dq, expectedQ, bound.DQ, 1);
        Tolerance.AssertClose(dk, expectedK, bound.DK, 1);
    }

    [Test]
    public void The_same_inputs_give_the_same_bits([Values(64, 128)] int width)
    {
        Problem problem = Make(new AttentionShape(4, 2, width, 0.1f), [AttentionSpan.Whole(0, 50), AttentionSpan.Whole(50, 20)]);
        float[][] first = Everything(problem), second = Everything(problem);
        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void Rows_of_no_span_become_zero()
    {
        var shape = new AttentionShape(2, 1, 8, 0.3f);
        Problem problem = Make(shape, [new(2, 3, 2, 3)], rows: 8);
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
        const int rows = 59, first = 20, end = 29;
        AttentionSpan[] spans = [AttentionSpan.Whole(0, first), AttentionSpan.Whole(first, end - first), AttentionSpan.Whole(end, rows - end)];
        Problem clean = Make(new AttentionShape(4, 2, 16, 0.25f), spans), dirty = Make(new AttentionShape(4, 2, 16, 0.25f), spans);
        foreach (float[] values in new[] { dirty.Q, dirty.K, dirty.V, dirty.DO })
        {
            int width = values.Length / rows;
            Array.Fill(values, float.NaN, first * width, (end - first) * width);
        }

        float[][] expected = Everything(clean), got = Everything(dirty);
        Assert.Multiple(() =>
        {
            foreach ((float[] a, float[] b) in expected.Zip(got))
            {
                int width = a.Length / rows;
                Assert.That(b[..(first * width)], Is.EqualTo(a[..(first * width)]));
                Assert.That(b[(end * width)..], Is.EqualTo(a[(end * width)..]));
                Assert.That(b[(first * width)..(end * width)], Is.All.NaN);
            }
        });
    }

    [Test]
    public void A_key_value_cache_gives_the_bits_of_the_whole_sequence([Values(0, 50)] int window, [Values(1, 7)] int queries)
    {
        const int length = 150, width = 4 * 32;
        var shape = new AttentionShape(4, 2, 32, 0.2f, window);
        Problem whole = Make(shape, [AttentionSpan.Whole(0, length)]);
        Problem last = whole with { Spans = [new(0, queries, 0, length)], Q = whole.Q[^(queries * width)..] };
        (float[] o, float[] lse) = Forward(whole);
        (float[] lastO, float[] lastLse) = Forward(last);
        Assert.That(lastO, Is.EqualTo(o[^lastO.Length..]));
        Assert.That(lastLse, Is.EqualTo(lse[^lastLse.Length..]));
    }

    [Test]
    public void Large_scores_do_not_overflow()
    {
        var shape = new AttentionShape(1, 1, 8, 1);
        Problem problem = Make(shape, [AttentionSpan.Whole(0, 120)], scale: 100);
        (float[] o, float[] lse) = Forward(problem);
        (double[] expectedO, double[] expectedLse) =
            Reference.Attention.Forward(problem.Q.Wide(), problem.K.Wide(), problem.V.Wide(), problem.Spans, shape);
        AttentionBound bound = Bound(problem);
        Tolerance.AssertClose(o, expectedO, bound.O, 1);
        Tolerance.AssertClose(lse, expectedLse, bound.Lse, 1);
    }

    [Test]
    public void What_the_kernels_cannot_do_is_refused()
    {
        Problem problem = Make(new AttentionShape(2, 1, 8, 0.3f), [AttentionSpan.Whole(0, 4)]);
        Assert.Multiple(() =>
        {
            foreach (AttentionSpan span in new AttentionSpan[] { new(0, 5, 0, 5), new(-1, 2, 0, 2), new(0, 2, 0, 1), new(0, 2, 3, 2) })
                Assert.That(() => Forward(problem with { Spans = [span] }), Throws.ArgumentException.With.Message.Contains("spans"));
            foreach (AttentionShape shape in new AttentionShape[] { new(2, 1, 7, 1), new(1, 1, 258, 1), new(3, 2, 8, 1), new(2, 1, 8, 0), new(2, 1, 8, 1, -1) })
                Assert.That(() => Forward(Make(shape, problem.Spans)), Throws.ArgumentException.With.Message.Contains("shape"));
        });
    }

    [Test]
    public void Every_tile_fits_the_shared_memory_of_the_smallest_device()
    {
        const int smallest = 99 << 10;
        for (int width = 2; width <= 256; width += 2)
        {
            Assert.That(AttentionTiling.Forward(dtype, width).SharedBytes, Is.LessThanOrEqualTo(smallest));
            Assert.That(AttentionTiling.BackwardKeys(dtype, width).SharedBytes, Is.LessThanOrEqualTo(smallest));
            Assert.That(AttentionTiling.BackwardQueries(dtype, width).SharedBytes, Is.LessThanOrEqualTo(smallest));
        }
    }

    private static TestCaseData Case(string name, AttentionShape shape, AttentionSpan[] spans) => new TestCaseData(shape, spans).SetArgDisplayNames(name);

    private AttentionBound Bound(Problem p) => AttentionBound.Of(p.DO.Wide(), p.Q.Wide(), p.K.Wide(), p.V.Wide(), p.Spans, p.Shape, dtype);

    private float[][] Everything(Problem problem)
    {
        (float[] o, float[] lse) = Forward(problem);
        (float[] dq, float[] dk, float[] dv) = Backward(problem);
        return [o, lse, dq, dk, dv];
    }

    private (float[] O, float[] Lse) Forward(Problem p)
    {
        (TensorView o, TensorView lse) = RunForward(p, out _, out _, out _);
        return (Download(o), Download(lse));
    }

    private (float[] DQ, float[] DK, float[] DV) Backward(Problem p)
    {
        (TensorView o, TensorView lse) = RunForward(p, out TensorView q, out TensorView k, out TensorView v);
        TensorView dO = Upload(p.DO, q.Rows, q.Columns, dtype), delta = Unwritten(q.Rows, p.Shape.Heads);
        TensorView dq = Unwritten(q.Rows, q.Columns, dtype), dk = Unwritten(k.Rows, k.Columns, dtype), dv = Unwritten(k.Rows, k.Columns, dtype);
        Backend.AttentionBackward(dO, q, k, v, o, lse, p.Spans, p.Shape, delta, dq, dk, dv);
        return (Download(dq), Download(dk), Download(dv));
    }

    private (TensorView O, TensorView Lse) RunForward(Problem p, out TensorView q, out TensorView k, out TensorView v)
    {
        int width = p.Shape.Heads * p.Shape.HeadWidth, kvWidth = p.Shape.KvHeads * p.Shape.HeadWidth;
        q = Upload(p.Q, p.Q.Length / width, width, dtype);
        k = Upload(p.K, p.K.Length / kvWidth, kvWidth, dtype);
        v = Upload(p.V, p.V.Length / kvWidth, kvWidth, dtype);
        TensorView o = Unwritten(q.Rows, width, dtype), lse = Unwritten(q.Rows, p.Shape.Heads);
        Backend.AttentionForward(q, k, v, p.Spans, p.Shape, o, lse);
        return (o, lse);
    }

    /// <summary>Normal numbers as the tensors of the tested type hold them, so that only the op itself rounds.</summary>
    private Problem Make(AttentionShape shape, AttentionSpan[] spans, int rows = 0, double scale = 1)
    {
        int queries = Math.Max(rows, spans.Max(s => s.QueryStart + s.QueryCount)), keys = Math.Max(rows, spans.Max(s => s.KeyStart + s.KeyCount));
        int width = shape.Heads * shape.HeadWidth, kvWidth = shape.KvHeads * shape.HeadWidth;
        float[] Numbers(int count, ulong seed, double size = 1) => Stored(Sample.Normal(count, seed, size), dtype);
        return new Problem(
            shape, spans, Numbers(queries * width, 1, scale), Numbers(keys * kvWidth, 2, scale), Numbers(keys * kvWidth, 3), Numbers(queries * width, 4));
    }

    private sealed record Problem(AttentionShape Shape, AttentionSpan[] Spans, float[] Q, float[] K, float[] V, float[] DO);
}
