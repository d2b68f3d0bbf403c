using NativeFl.Tensors;

namespace NativeFl.Tests;

public sealed class PhiloxTests
{
    [Test]
    public void Block_matches_the_published_known_answers()
    {
        // Random123's kat_vectors, philox4x32 with 10 rounds.
        Assert.Multiple(() =>
        {
            Assert.That(Words(Philox.Block(0, 0, 0)), Is.EqualTo(new uint[] { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 }));
            Assert.That(
                Words(Philox.Block(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue)),
                Is.EqualTo(new uint[] { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd }));
            Assert.That(
                Words(Philox.Block(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88)),
                Is.EqualTo(new uint[] { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 }));
        });
    }

    [Test]
    public void A_stream_can_be_resumed_at_any_position()
    {
        var whole = new Philox(7, 3);
        uint[] numbers = [.. Enumerable.Range(0, 11).Select(_ => whole.NextUInt32())];
        for (int i = 0; i < numbers.Length; i++)
            Assert.That(new Philox(7, 3, (ulong)i).NextUInt32(), Is.EqualTo(numbers[i]));
    }

    private static uint[] Words(UInt128 block) => [(uint)block, (uint)(block >> 32), (uint)(block >> 64), (uint)(block >> 96)];
}
