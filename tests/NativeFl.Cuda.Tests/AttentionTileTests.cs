using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>The two head widths that the tiles are tuned for, over several tiles of rows and of keys, and with wgmma more warpgroups than one.</summary>
[TestFixture(DType.F32, 64, false)]
[TestFixture(DType.F32, 128, false)]
[TestFixture(DType.BF16, 64, false)]
[TestFixture(DType.BF16, 128, false)]
[TestFixture(DType.BF16, 64, true)]
[TestFixture(DType.BF16, 128, true)]
internal sealed class AttentionTileTests(DType dtype, int width, bool useWgmma) : AttentionTest(dtype, useWgmma)
{
    private const float Scale = 0.1f;

    private static readonly AttentionSpan[] Packed =
        [AttentionSpan.Whole(0, 140), AttentionSpan.Whole(140, 1), new(141, 0, 141, 0), AttentionSpan.Whole(141, 33), AttentionSpan.Whole(174, 100)];

    // Of the heads and the window; the width is the fixture's.
    private static IEnumerable<TestCaseData> Cases()
    {
        yield return Case("one token", new(1, 1, 2, Scale), AttentionSpan.Whole(0, 1));
        yield return Case("a part of a tile", new(3, 1, 2, Scale), AttentionSpan.Whole(0, 7));
        yield return Case("one span", new(2, 1, 2, Scale), AttentionSpan.Whole(0, 300));
        yield return Case("many tiles", new(1, 1, 2, Scale), AttentionSpan.Whole(0, 700));
        yield return Case("packed", new(4, 2, 2, Scale), Packed);
        yield return Case("group of three", new(6, 2, 2, Scale), Packed);
        yield return Case("wide group", new(70, 1, 2, Scale), AttentionSpan.Whole(0, 5));
        yield return Case("window", new(2, 1, 2, Scale, 37), AttentionSpan.Whole(0, 330));
        yield return Case("window of several tiles", new(1, 1, 2, Scale, 150), AttentionSpan.Whole(0, 600));
        yield return Case("packed with window", new(2, 2, 2, Scale, 20), Packed);
        yield return Case("cache of several queries", new(4, 2, 2, Scale), new AttentionSpan(0, 3, 0, 120), new AttentionSpan(3, 140, 120, 310), new AttentionSpan(143, 1, 430, 65));
        yield return Case("cache with window", new(2, 1, 2, Scale, 45), new AttentionSpan(0, 20, 0, 250), new AttentionSpan(20, 7, 250, 30));
    }

    [TestCaseSource(nameof(Cases))]
    public void Forward_matches_reference(AttentionShape shape, AttentionSpan[] spans) =>
        AssertForwardMatchesReference(Make(shape with { HeadWidth = width }, spans));

    [TestCaseSource(nameof(Cases))]
    public void Backward_matches_reference(AttentionShape shape, AttentionSpan[] spans) =>
        AssertBackwardMatchesReference(Make(shape with { HeadWidth = width }, spans));

    [Test]
    public void A_NaN_in_another_span_reaches_nothing([Values(0, 30)] int window) =>
        AssertNaNStaysInItsSpan(new AttentionShape(4, 2, width, Scale, window), first: 75, end: 84, rows: 150);
}
