using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>Attention on the asynchronous tensor cores of sm_90a, over several tiles of rows and of keys and more warpgroups than one.</summary>
[TestFixture(64)]
[TestFixture(128)]
internal sealed class AttentionWgmmaTests(int width) : AttentionTest(DType.BF16)
{
    private const float Scale = 0.1f;

    private static readonly AttentionSpan[] Packed =
        [AttentionSpan.Whole(0, 140), AttentionSpan.Whole(140, 1), new(141, 0, 141, 0), AttentionSpan.Whole(141, 33), AttentionSpan.Whole(174, 100)];

    protected override CudaBackendOptions Configure(CudaBackendOptions options) => base.Configure(options) with { UseWgmma = true };

    // Of the heads and the window; the width is the fixture's.
    private static IEnumerable<TestCaseData> Cases()
    {
        yield return Case("one token", new(1, 1, 2, Scale), AttentionSpan.Whole(0, 1));
        yield return Case("a part of a tile", new(3, 1, 2, Scale), AttentionSpan.Whole(0, 7));
        yield return Case("one span", new(2, 1, 2, Scale), AttentionSpan.Whole(0, 300));
        yield return Case("many tiles", new(1, 1, 2, Scale), AttentionSpan.Whole(0, 700));
        yield return Case("packed", new(4, 2, 2, Scale), Packed);
        yield return Case("group of three", new(6, 2, 2, Scale), Packed);
        yield return Case("window", new(2, 1, 2, Scale, 37), AttentionSpan.Whole(0, 330));
        yield return Case("window of several tiles", new(1, 1, 2, Scale, 150), AttentionSpan.Whole(0, 600));
        yield return Case("packed with window", new(2, 2, 2, Scale, 20), Packed);
        yield return Case("cache of several queries", new(4, 2, 2, Scale), new AttentionSpan(0, 3, 0, 120), new AttentionSpan(3, 140, 120, 310), new AttentionSpan(143, 1, 430, 65));
        yield return Case("cache with window", new(2, 1, 2, Scale, 45), new AttentionSpan(0, 20, 0, 250), new AttentionSpan(20, 7, 250, 30));
        yield return Case("wide group", new(70, 1, 2, Scale), AttentionSpan.Whole(0, 5));
    }

    [SetUp]
    public void RequireWgmma()
    {
        if (!Backend.UsesWgmma) Assert.Ignore($"not on sm_{Backend.Architecture}, or not by this compiler");
    }

    [TestCaseSource(nameof(Cases))]
    public void Forward_matches_reference(AttentionShape shape, AttentionSpan[] spans) =>
        AssertForwardMatchesReference(Make(shape with { HeadWidth = width }, spans));

    [TestCaseSource(nameof(Cases))]
    public void Backward_matches_reference(AttentionShape shape, AttentionSpan[] spans) =>
        AssertBackwardMatchesReference(Make(shape with { HeadWidth = width }, spans));

    [Test]
    public void Narrower_heads_are_padded([Values(8, 24)] int less)
    {
        Problem problem = Make(new AttentionShape(2, 1, width - less, Scale), [AttentionSpan.Whole(0, 80), AttentionSpan.Whole(80, 60)]);
        AssertForwardMatchesReference(problem);
        AssertBackwardMatchesReference(problem);
    }

    [Test]
    public void A_NaN_in_another_span_reaches_nothing([Values(0, 30)] int window) =>
        AssertNaNStaysInItsSpan(new AttentionShape(4, 2, width, Scale, window), first: 75, end: 84, rows: 150);

    [Test]
    public void A_key_value_cache_gives_the_bits_of_the_whole_sequence([Values(0, 50)] int window, [Values(1, 7)] int queries)
    {
        const int length = 150;
        var shape = new AttentionShape(4, 2, width, Scale, window);
        Problem whole = Make(shape, [AttentionSpan.Whole(0, length)]);
        Problem last = whole with { Spans = [new(0, queries, 0, length)], Q = whole.Q[^(queries * 4 * width)..] };
        (float[] o, float[] lse) = Forward(whole);
        (float[] lastO, float[] lastLse) = Forward(last);
        Assert.That(lastO, Is.EqualTo(o[^lastO.Length..]));
        Assert.That(lastLse, Is.EqualTo(lse[^lastLse.Length..]));
    }

    [Test]
    public void The_same_inputs_give_the_same_bits()
    {
        Problem problem = Make(new AttentionShape(4, 2, width, Scale), [AttentionSpan.Whole(0, 250), AttentionSpan.Whole(250, 20)]);
        float[][] first = Everything(problem), second = Everything(problem);
        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void Large_scores_do_not_overflow() =>
        AssertForwardMatchesReference(Make(new AttentionShape(1, 1, width, 1), [AttentionSpan.Whole(0, 220)], scale: 100));

    [Test]
    public void Every_tile_fits_the_shared_memory_of_its_device()
    {
        const int most = 227 << 10;
        Assert.That(AttentionTiling.WgmmaForward(width).SharedBytes, Is.LessThanOrEqualTo(most));
        Assert.That(AttentionTiling.WgmmaBackwardKeys(width).SharedBytes, Is.LessThanOrEqualTo(most));
        Assert.That(AttentionTiling.WgmmaBackwardQueries(width).SharedBytes, Is.LessThanOrEqualTo(most));
    }
}
