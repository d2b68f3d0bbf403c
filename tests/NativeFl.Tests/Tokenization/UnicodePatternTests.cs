using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Tokenization;

public sealed class UnicodePatternTests
{
    [TestCase(@"\p{L}+", "x𝐀é🙂中𠀀", "x𝐀é|中𠀀")]
    [TestCase(@"\p{N}", "1𝟏a²", "1|𝟏|²")]
    [TestCase(@"[^\s\p{L}\p{N}]+", "a🙂!𝐀 👩", "🙂!|👩")]
    [TestCase(@"\p{Lu}", "𝐀𝐚A", "𝐀|A")]
    [TestCase(@".", "🙂a", "🙂|a")]
    public void Code_points_beyond_the_BMP_are_one_character_of_their_category(string pattern, string text, string expected) =>
        Assert.That(Found(new UnicodePattern(pattern, "test"), text), Is.EqualTo(expected.Split('|')));

    [Test]
    public void A_plain_string_is_no_pattern() =>
        Assert.That(Found(new UnicodePattern("a.", "test", literal: true), "a.ab"), Is.EqualTo(new[] { "a." }));

    [Test]
    public void Endless_backtracking_ends_with_an_error_that_names_the_entry()
    {
        var pattern = new UnicodePattern("(a+)+$", "tokenizer.json: pre_tokenizer", limitSeconds: 0.1);
        Assert.That(
            () => pattern.Matches(new string('a', 60) + "b"),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains("tokenizer.json: pre_tokenizer"));
    }

    [Test]
    public void A_pattern_that_cannot_be_read_is_named() =>
        Assert.That(() => new UnicodePattern("(", "here"), Throws.TypeOf<InvalidInputException>().With.Message.Contains("here"));

    private static string[] Found(UnicodePattern pattern, string text) => [.. pattern.Matches(text).Select(range => text[range])];
}
