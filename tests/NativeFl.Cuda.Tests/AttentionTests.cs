using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests;

[TestFixture(DType.F32)]
[TestFixture(DType.BF16)]
internal sealed class AttentionTests(DType dtype) : AttentionTest(dtype)
{
    private static readonly AttentionSpan[] Packed = [new(0, 5, 0, 5), new(5, 0, 5, 0), new(5, 40, 5, 40), new(45, 1, 45, 1)];

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
    public void Forward_matches_reference(AttentionShape shape, AttentionSpan[] spans) => AssertForwardMatchesReference(Make(shape, spans));

    [TestCaseSource(nameof(Cases))]
    public void Backward_matches_reference(AttentionShape shape, AttentionSpan[] spans) => AssertBackwardMatchesReference(Make(shape, spans));

    [Test]
    public void Every_even_width_matches_the_reference([Range(2, 256, 2)] int width)
    {
        Problem problem = Make(new AttentionShape(2, 1, width, 1 / MathF.Sqrt(width)), [AttentionSpan.Whole(0, 3), AttentionSpan.Whole(3, 1)]);
        AssertForwardMatchesReference(problem);
        AssertBackwardMatchesReference(problem);
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
    public void A_NaN_in_another_span_reaches_nothing() =>
        AssertNaNStaysInItsSpan(new AttentionShape(4, 2, 16, 0.25f), first: 20, end: 29, rows: 59);

    [Test]
    public void A_key_value_cache_gives_the_bits_of_the_whole_sequence(
        [Values(32, 64, 128)] int headWidth, [Values(0, 50)] int window, [Values(1, 7)] int queries)
    {
        const int length = 150;
        int width = 4 * headWidth;
        var shape = new AttentionShape(4, 2, headWidth, 0.1f, window);
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
        AssertForwardMatchesReference(problem);
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
            Assert.That(AttentionTiling.Forward(Type, width).SharedBytes, Is.LessThanOrEqualTo(smallest));
            Assert.That(AttentionTiling.Split(Type, width).SharedBytes, Is.LessThanOrEqualTo(smallest));
            Assert.That(AttentionTiling.BackwardKeys(Type, width).SharedBytes, Is.LessThanOrEqualTo(smallest));
            Assert.That(AttentionTiling.BackwardQueries(Type, width).SharedBytes, Is.LessThanOrEqualTo(smallest));
        }
    }
}
