using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>What is particular to attention on the asynchronous tensor cores of sm_90a; <see cref="AttentionTileTests"/> has the rest.</summary>
[TestFixture(64)]
[TestFixture(128)]
internal sealed class AttentionWgmmaTests(int width) : AttentionTest(DType.BF16, useWgmma: true)
{
    private const float Scale = 0.1f;

    [Test]
    public void Narrower_heads_are_padded([Values(8, 24)] int less)
    {
        Problem problem = Make(new AttentionShape(2, 1, width - less, Scale), [AttentionSpan.Whole(0, 80), AttentionSpan.Whole(80, 60)]);
        AssertForwardMatchesReference(problem);
        AssertBackwardMatchesReference(problem);
    }

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
