using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>The rule by which keys are cut, for the 132 multiprocessors of an H200.</summary>
internal sealed class AttentionCutTests
{
    private const int Multiprocessors = 132, NoWindow = 1 << 30;

    private const long ManyRows = 1 << 20;

    private static readonly AttentionShape Llama = new(32, 8, 128, 0.09f);

    [TestCase(255, 1, 255)]
    [TestCase(256, 2, 128)]
    [TestCase(2048, 16, 128)]
    [TestCase(8192, 32, 256)]
    [TestCase(131072, 33, 4032)]
    public void A_decoded_token_of_a_model_with_eight_key_heads(int keys, int splits, int each)
    {
        AttentionCut cut = Of(new AttentionSpan(0, 1, 0, keys), Llama, NoWindow);
        Assert.That((cut.Splits, cut.Keys), Is.EqualTo((splits, each)));
    }

    [Test]
    public void A_window_leaves_fewer_keys_to_cut() =>
        Assert.That(Of(new AttentionSpan(0, 1, 0, 8192), Llama, 512).Splits, Is.EqualTo(4));

    [Test]
    public void Many_rows_are_cut_less_and_more_than_a_tile_of_them_not_at_all()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Of(new AttentionSpan(0, 4, 0, 2048), Llama, NoWindow).Splits, Is.EqualTo(8));
            Assert.That(Of(new AttentionSpan(0, 16, 0, 2048), Llama, NoWindow).Splits, Is.EqualTo(2));
            Assert.That(Of(new AttentionSpan(0, 17, 0, 131072), Llama, NoWindow).Splits, Is.EqualTo(1));
        });
    }

    [Test]
    public void Heads_that_fill_the_device_are_not_cut() =>
        Assert.That(Of(new AttentionSpan(0, 1, 0, 8192), new AttentionShape(264, 264, 128, 0.09f), NoWindow).Splits, Is.EqualTo(1));

    [Test]
    public void A_whole_sequence_is_never_cut()
    {
        for (int length = 1; length <= 9000; length++)
        {
            foreach (int heads in new[] { 1, 8 })
                Assert.That(Of(AttentionSpan.Whole(0, length), new AttentionShape(heads, 1, 64, 0.1f), NoWindow).Splits, Is.EqualTo(1));
        }
    }

    [Test]
    public void Splits_cover_the_keys_that_are_seen_and_none_is_empty([Values(1, 3, 8)] int kvHeads, [Values(NoWindow, 1000)] int window)
    {
        var shape = new AttentionShape(4 * kvHeads, kvHeads, 128, 0.09f);
        for (int keys = 1; keys < 5000; keys += 7)
        {
            AttentionCut cut = Of(new AttentionSpan(0, 1, 0, keys), shape, window);
            if (cut.Splits == 1) continue;
            int walk = AttentionTiling.Split(DType.BF16, 128).Walk, begin = Math.Max(0, keys - window) / walk * walk;
            Assert.That(cut.Keys % walk, Is.Zero);
            Assert.That((long)cut.Keys, Is.GreaterThanOrEqualTo(128));
            Assert.That(begin + ((long)cut.Splits * cut.Keys), Is.GreaterThanOrEqualTo(keys));
            Assert.That(begin + ((cut.Splits - 1L) * cut.Keys), Is.LessThan(keys));
        }
    }

    [Test]
    public void What_the_workspace_does_not_hold_at_once_waits_for_its_turn()
    {
        // 33 splits of 4 rows of 8 key heads are 1,056 rows.
        AttentionCut cut = Of(new AttentionSpan(0, 1, 0, 131072), Llama, NoWindow);
        AttentionCut[] cuts = [cut, cut, cut];
        Assert.Multiple(() =>
        {
            Assert.That(AttentionCut.Place(cuts, Llama, 2 * 1056), Is.EqualTo(2));
            Assert.That(cuts.Select(placed => placed.FirstRow), Is.EqualTo(new[] { 0, 1056, 0 }));
            Assert.That(AttentionCut.Place(cuts.AsSpan(2), Llama, 2 * 1056), Is.EqualTo(1));
        });
    }

    [Test]
    public void A_span_that_alone_is_too_much_for_the_workspace_has_fewer_splits() =>
        Assert.That(AttentionCut.Of(new AttentionSpan(0, 1, 0, 131072), Llama, AttentionTiling.Split(DType.BF16, 128), NoWindow, Multiprocessors, 100).Splits, Is.EqualTo(3));

    private static AttentionCut Of(AttentionSpan span, AttentionShape shape, int window) =>
        AttentionCut.Of(span, shape, AttentionTiling.Split(DType.BF16, shape.HeadWidth), window, Multiprocessors, ManyRows);
}
