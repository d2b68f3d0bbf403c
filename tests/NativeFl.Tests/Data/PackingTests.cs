using CsCheck;
using NativeFl.Data;

namespace NativeFl.Tests.Data;

public sealed class PackingTests
{
    private static readonly Gen<TokenizedExample[]> Examples = Gen.Int[1, 30].Array[0, 40].Select(lengths => lengths.Select(Example).ToArray());

    [Test]
    public void Packing_keeps_every_document_and_splits_only_what_is_too_long() =>
        Gen.Select(Examples, Gen.Int[2, 24]).Sample((examples, maxLength) =>
        {
            IReadOnlyList<TokenizedExample> packed = Packing.Pack(examples, maxLength);
            int[][] pieces = [.. examples.SelectMany(e => e.InputIds.Chunk(maxLength))];
            Assert.That(packed.Select(p => p.InputIds.Length), Is.All.LessThanOrEqualTo(maxLength));
            Assert.That(packed.SelectMany(Documents).OrderBy(d => d[0]), Is.EqualTo(pieces.OrderBy(d => d[0])));
            foreach (TokenizedExample sequence in packed) CheckLabels(sequence);
        });

    [Test]
    public void Packing_is_first_fit_in_order() =>
        Gen.Select(Examples, Gen.Int[2, 24]).Sample((examples, maxLength) =>
        {
            var bins = new List<List<int>>();
            foreach (int[] piece in examples.SelectMany(e => e.InputIds.Chunk(maxLength)))
            {
                List<int>? bin = bins.Find(b => b.Count + piece.Length <= maxLength);
                if (bin is null) bins.Add(bin = []);
                bin.AddRange(piece);
            }

            Assert.That(Packing.Pack(examples, maxLength).Select(p => p.InputIds), Is.EqualTo(bins));
        });

    [Test]
    public void A_stream_keeps_every_token_in_order_and_marks_the_documents() =>
        Gen.Select(Examples, Gen.Int[2, 24]).Sample((examples, maxLength) =>
        {
            IReadOnlyList<TokenizedExample> cut = Packing.Stream(examples, maxLength);
            int[] firsts = [.. examples.Select(e => e.InputIds[0])];
            Assert.That(cut.SelectMany(c => c.InputIds), Is.EqualTo(examples.SelectMany(e => e.InputIds)));
            Assert.That(cut.SkipLast(1).Select(c => c.InputIds.Length), Is.All.EqualTo(maxLength));
            foreach (TokenizedExample sequence in cut)
            {
                CheckLabels(sequence);
                Assert.That(sequence.Starts, Is.EqualTo(Enumerable.Range(0, sequence.InputIds.Length).Where(i => i == 0 || firsts.Contains(sequence.InputIds[i]))));
            }
        });

    [Test]
    public void Packing_what_is_packed_changes_nothing_but_the_sequences()
    {
        TokenizedExample[] examples = [.. new[] { 5, 9, 3, 4 }.Select(Example)];
        IReadOnlyList<TokenizedExample> once = Packing.Pack(examples, 12), twice = Packing.Pack(once, 24);
        Assert.That(twice.SelectMany(Documents).OrderBy(d => d[0]), Is.EqualTo(examples.Select(e => e.InputIds)));
    }

    private static IEnumerable<int[]> Documents(TokenizedExample sequence)
    {
        int[] ends = [.. sequence.Starts.Skip(1), sequence.InputIds.Length];
        return sequence.Starts.Zip(ends, (start, end) => sequence.InputIds[start..end]);
    }

    private static void CheckLabels(TokenizedExample sequence)
    {
        Assert.That(sequence.Starts[0], Is.Zero);
        for (int i = 0; i < sequence.Labels.Length; i++)
            Assert.That(sequence.Labels[i], Is.EqualTo(sequence.Starts.Contains(i) || sequence.InputIds[i] % 3 == 0 ? -100 : sequence.InputIds[i]));
    }

    // Ids tell where a token comes from; every third is not counted.
    private static TokenizedExample Example(int length, int index)
    {
        int[] ids = [.. Enumerable.Range(0, length).Select(i => (index * 100) + i)];
        return new TokenizedExample($"{index}", ids, [.. ids.Select(id => id % 3 == 0 ? -100 : id)]);
    }
}
