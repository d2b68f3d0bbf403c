using CsCheck;
using NativeFl.Data;

namespace NativeFl.Tests.Data;

public sealed class BatchOrderTests
{
    [Test]
    public void Every_epoch_is_a_permutation_of_its_own() =>
        Gen.Select(Gen.Int[1, 50], Gen.ULong).Sample((count, seed) =>
        {
            int[] seen = new int[3 * count];
            new BatchOrder(count, true, seed).Next(seen);
            foreach (int[] epoch in seen.Chunk(count)) Assert.That(epoch.Order(), Is.EqualTo(Enumerable.Range(0, count)));
            if (count > 20) Assert.That(seen[..count], Is.Not.EqualTo(seen[count..(2 * count)]));
        });

    [Test]
    public void Without_shuffling_every_epoch_is_file_order()
    {
        int[] seen = new int[7];
        new BatchOrder(3, false, 5).Next(seen);
        Assert.That(seen, Is.EqualTo(new[] { 0, 1, 2, 0, 1, 2, 0 }));
    }

    [Test]
    public void An_order_resumes_at_any_position() =>
        Gen.Select(Gen.Int[1, 20], Gen.ULong, Gen.Int[0, 60]).Sample((count, seed, position) =>
        {
            int[] whole = new int[position + 30], rest = new int[30];
            new BatchOrder(count, true, seed).Next(whole);
            new BatchOrder(count, true, seed, position).Next(rest);
            Assert.That(rest, Is.EqualTo(whole[position..]));
        });

    [Test]
    public void Batches_of_an_epoch_end_with_it()
    {
        var order = new BatchOrder(5, false, 0);
        int[] batch = new int[2];
        Assert.Multiple(() =>
        {
            Assert.That(Enumerable.Range(0, 6).Select(_ => order.NextBatch(batch)), Is.EqualTo(new[] { 2, 2, 1, 2, 2, 1 }));
            Assert.That(order.Position, Is.EqualTo(10));
            Assert.That(order.Epoch, Is.EqualTo(2));
            Assert.That(order.StepsPerEpoch(2), Is.EqualTo(3));
            Assert.That(order.StepsPerEpoch(5), Is.EqualTo(1));
            Assert.That(order.StepsPerEpoch(100), Is.EqualTo(1));
        });
    }
}
