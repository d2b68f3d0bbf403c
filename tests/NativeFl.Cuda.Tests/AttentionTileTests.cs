using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>The two head widths that the tiles are tuned for, over several tiles of rows and of keys.</summary>
[TestFixture(DType.F32, 64)]
[TestFixture(DType.F32, 128)]
[TestFixture(DType.BF16, 64)]
[TestFixture(DType.BF16, 128)]
internal sealed class AttentionTileTests(DType dtype, int width) : AttentionTest(dtype)
{
    private const float Scale = 0.1f;

    private static readonly AttentionSpan[] Packed =
        [AttentionSpan.Whole(0, 70), AttentionSpan.Whole(70, 1), new(71, 0, 71, 0), AttentionSpan.Whole(71, 33), AttentionSpan.Whole(104, 66)];

    // Of the heads and the window; the width is the fixture's.
    private static IEnumerable<TestCaseData> Cases()
    {
        yield return Case("one span", new(2, 1, 2, Scale), AttentionSpan.Whole(0, 150));
        yield return Case("packed", new(4, 2, 2, Scale), Packed);
        yield return Case("window", new(2, 1, 2, Scale, 37), AttentionSpan.Whole(0, 170));
        yield return Case("packed with window", new(2, 2, 2, Scale, 20), Packed);
        yield return Case("cache of several queries", new(4, 2, 2, Scale), new AttentionSpan(0, 3, 0, 120), new AttentionSpan(3, 40, 120, 110), new AttentionSpan(43, 1, 230, 65));
        yield return Case("cache with window", new(2, 1, 2, Scale, 45), new AttentionSpan(0, 20, 0, 150), new AttentionSpan(20, 7, 150, 30));
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
