using CsCheck;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Tokenization;

public sealed class BytePairModelTests
{
    /// <summary>A random model over a to d: each merge joins two pieces that are there already.</summary>
    private static readonly Gen<BytePairModelContent> Models = Gen.Select(Gen.Int[0, 1000].Array[0, 24], Gen.Bool, Make);

    private static readonly Gen<string> Words = Gen.Char["abcde"].Array[0, 60].Select(c => new string(c));

    [Test]
    public void Ids_equal_those_of_merging_one_pair_at_a_time() =>
        Gen.Select(Models, Words).Sample((content, word) =>
        {
            int[] expected = Reference(content, word);
            Assert.Multiple(() =>
            {
                Assert.That(Encode(content, word, byteLevel: true), Is.EqualTo(expected), "with the library");
                Assert.That(Encode(content, word, byteLevel: false), Is.EqualTo(expected), "without it");
            });
        });

    [Test]
    public void A_word_of_the_vocabulary_is_taken_whole_where_merges_are_ignored()
    {
        BytePairModelContent content = Content(["a", "b", "ab", "abab"], [("a", "b")]);
        Assert.Multiple(() =>
        {
            Assert.That(Encode(content, "abab", true), Is.EqualTo(new[] { 2, 2 }));
            Assert.That(Encode(content with { IgnoreMerges = true }, "abab", true), Is.EqualTo(new[] { 3 }));
        });
    }

    [Test]
    public void Characters_without_a_piece_become_bytes_or_unknown_or_nothing()
    {
        string[] bytes = [.. Enumerable.Range(0, 256).Select(b => BytePairModel.BytePiece((byte)b))];
        BytePairModelContent content = Content(["<unk>", "a", .. bytes], []);
        Assert.Multiple(() =>
        {
            Assert.That(Encode(content, "aéa", false), Is.EqualTo(new[] { 1, 1 }));
            Assert.That(Encode(content with { ByteFallback = true }, "aéa", false), Is.EqualTo(new[] { 1, 2 + 0xC3, 2 + 0xA9, 1 }));
            Assert.That(Encode(content with { UnknownPiece = "<unk>" }, "aé🙂a", false), Is.EqualTo(new[] { 1, 0, 0, 1 }));
            Assert.That(Encode(content with { UnknownPiece = "<unk>", FuseUnknown = true }, "aé🙂aé", false), Is.EqualTo(new[] { 1, 0, 1, 0 }));
        });
    }

    [Test]
    public void Characters_beyond_the_BMP_merge_like_others()
    {
        BytePairModelContent content = Content(["a", "𝐀", "a𝐀"], [("a", "𝐀")]);
        Assert.That(Encode(content, "𝐀a𝐀", false), Is.EqualTo(new[] { 1, 2 }));
    }

    [TestCase(1000)]
    [TestCase(1_000_000)]
    public void Candidates_grow_with_the_length_of_the_word_and_not_with_its_square(int length)
    {
        var merges = Enumerable.Range(0, 3).ToDictionary(i => PairMerger.Pair(i, i), i => (i, i + 1));
        int[] symbols = new int[length];
        int queued = new PairMerger(merges).Merge(symbols, out int count);
        Assert.Multiple(() =>
        {
            Assert.That(queued, Is.LessThanOrEqualTo(3 * length));
            Assert.That(count, Is.EqualTo(length / 8));
            Assert.That(symbols.AsSpan(0, count).ToArray(), Is.All.EqualTo(3));
        });
    }

    [Test]
    public void A_megabyte_of_one_letter_is_one_word_without_the_library()
    {
        BytePairModelContent content = Content(["a", "aa", "aaaa"], [("a", "a"), ("aa", "aa")]);
        Assert.That(Encode(content, new string('a', 1 << 20), true), Has.Length.EqualTo(1 << 18).And.All.EqualTo(2));
    }

    private static int[] Encode(BytePairModelContent content, string word, bool byteLevel)
    {
        var ids = new List<int>();
        new BytePairModel(content, byteLevel).Encode(word, ids);
        return [.. ids];
    }

    private static int[] Reference(BytePairModelContent content, string word)
    {
        if (content.IgnoreMerges && content.Vocabulary.TryGetValue(word, out int whole)) return [whole];
        List<string> parts = [.. word.Select(c => c.ToString()).Where(content.Vocabulary.ContainsKey)];
        while (true)
        {
            int best = int.MaxValue, at = -1;
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                int rank = content.Merges.ToList().IndexOf((parts[i], parts[i + 1]));
                if (rank >= 0 && rank < best) (best, at) = (rank, i);
            }

            if (at < 0) return [.. parts.Select(p => content.Vocabulary[p])];
            parts[at] += parts[at + 1];
            parts.RemoveAt(at + 1);
        }
    }

    private static BytePairModelContent Make(int[] picks, bool ignoreMerges)
    {
        List<string> pieces = ["a", "b", "c", "d"];
        var merges = new List<(string, string)>();
        for (int i = 0; i + 1 < picks.Length; i += 2)
        {
            (string left, string right) = (pieces[picks[i] % pieces.Count], pieces[picks[i + 1] % pieces.Count]);
            if (merges.Contains((left, right)) || left.Length + right.Length > 8) continue;
            merges.Add((left, right));
            if (!pieces.Contains(left + right)) pieces.Add(left + right);
        }

        return Content([.. pieces], [.. merges]) with { IgnoreMerges = ignoreMerges };
    }

    private static BytePairModelContent Content(string[] pieces, (string, string)[] merges) => new(
        pieces.Select((p, i) => (p, i)).ToDictionary(p => p.p, p => p.i), merges, false, false, false, null);
}
