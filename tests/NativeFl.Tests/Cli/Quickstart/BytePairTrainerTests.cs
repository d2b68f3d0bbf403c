using NativeFl.Cli.Quickstart;

namespace NativeFl.Tests.Cli.Quickstart;

public sealed class BytePairTrainerTests
{
    [Test]
    public void The_most_frequent_pair_is_merged_first_and_ties_go_to_the_smaller_pair()
    {
        // ab occurs three times, then (ab, c) twice; (x, y) twice too, but (ab, c) is smaller.
        BytePairTrainer encoding = BytePairTrainer.Learn(["abc\nabc\nab\nxy\nxy"], 3);
        Assert.That(encoding.Merges, Is.EqualTo(new[] { ("a", "b"), ("ab", "c"), ("x", "y") }));
        Assert.That(encoding.Vocabulary.Skip(256), Is.EqualTo(new[] { "ab", "abc", "xy" }));
    }

    [Test]
    public void Bytes_come_first_in_their_own_order()
    {
        BytePairTrainer encoding = BytePairTrainer.Learn([], 10);
        Assert.Multiple(() =>
        {
            Assert.That(encoding.Vocabulary, Has.Count.EqualTo(256).And.Unique);
            Assert.That(encoding.Vocabulary['A'], Is.EqualTo("A"));
            Assert.That(encoding.Vocabulary[' '], Is.EqualTo("Ġ"));
            Assert.That(encoding.Vocabulary['\n'], Is.EqualTo("Ċ"));
            Assert.That(encoding.Vocabulary[0xAD], Is.EqualTo("Ń"));
        });
    }

    [Test]
    public void Merges_stop_where_nothing_repeats() =>
        Assert.That(BytePairTrainer.Learn(["one two"], 100).Merges, Is.Empty);

    [Test]
    public void Words_are_merged_with_the_space_before_them()
    {
        BytePairTrainer encoding = BytePairTrainer.Learn([" cat cat cat cat"], 100);
        Assert.That(encoding.Vocabulary, Does.Contain("Ġcat"));
    }
}
