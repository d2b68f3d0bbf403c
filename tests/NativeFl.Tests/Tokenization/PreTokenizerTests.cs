using System.Text.Json;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Tokenization;

public sealed class PreTokenizerTests
{
    // The example of the documentation of SplitDelimiterBehavior in Hugging Face's tokenizers.
    [TestCase("Removed", "the|final|countdown")]
    [TestCase("Isolated", "the|-|final|-|-|countdown")]
    [TestCase("MergedWithPrevious", "the-|final-|-|countdown")]
    [TestCase("MergedWithNext", "the|-final|-|-countdown")]
    [TestCase("Contiguous", "the|-|final|--|countdown")]
    public void Split_treats_its_matches_as_the_behavior_says(string behavior, string expected) =>
        Assert.That(
            Split($$"""{"type":"Split","pattern":{"String":"-"},"behavior":"{{behavior}}","invert":false}""", "the-final--countdown"),
            Is.EqualTo(expected.Split('|')));

    [Test]
    public void Inverted_split_swaps_matches_and_the_rest() =>
        Assert.That(
            Split("""{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"Removed","invert":true}""", "a, bc!"),
            Is.EqualTo(new[] { "a", "bc" }));

    [Test]
    public void Byte_level_splits_like_GPT_2_and_shows_spaces() =>
        Assert.Multiple(() =>
        {
            Assert.That(
                Split("""{"type":"ByteLevel","add_prefix_space":true,"use_regex":true}""", "Hello  I've 22\u00e9"),
                Is.EqualTo(new[] { "ĠHello", "Ġ", "ĠI", "'ve", "Ġ22", "Ã©" }));
            Assert.That(Split("""{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""", "a b"), Is.EqualTo(new[] { "aĠb" }));
        });

    [Test]
    public void Digits_stand_alone_or_together() =>
        Assert.Multiple(() =>
        {
            Assert.That(Split("""{"type":"Digits","individual_digits":true}""", "a12²b"), Is.EqualTo(new[] { "a", "1", "2", "²", "b" }));
            Assert.That(Split("""{"type":"Digits","individual_digits":false}""", "a12²b"), Is.EqualTo(new[] { "a", "12²", "b" }));
        });

    [TestCase("always", true, TextPosition.AfterToken, "▁Hey|▁my|▁|▁friend")]
    [TestCase("always", false, TextPosition.AfterToken, "▁Hey▁my▁▁friend")]
    [TestCase("first", true, TextPosition.Start, "▁Hey|▁my|▁|▁friend")]
    [TestCase("first", true, TextPosition.AfterToken, "Hey|▁my|▁|▁friend")]
    [TestCase("never", true, TextPosition.Start, "Hey|▁my|▁|▁friend")]
    [TestCase("always", true, TextPosition.Continuation, "Hey|▁my|▁|▁friend")]
    public void Metaspace_marks_spaces(string scheme, bool split, object position, string expected) =>
        Assert.That(
            Split($$"""{"type":"Metaspace","replacement":"▁","prepend_scheme":"{{scheme}}","split":{{(split ? "true" : "false")}}}""", "Hey my  friend", (TextPosition)position),
            Is.EqualTo(expected.Split('|')));

    [Test]
    public void A_sequence_splits_what_the_step_before_left() =>
        Assert.That(
            Split("""{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}]}""", "a 12"),
            Is.EqualTo(new[] { "a", "Ġ", "1", "2" }));

    [TestCase("""{"type":"BertPreTokenizer"}""", "BertPreTokenizer")]
    [TestCase("""{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated"}""", "pattern")]
    [TestCase("""{"type":"Split","pattern":{"Regex":"a"},"behavior":"Sideways"}""", "Sideways")]
    [TestCase("""{"type":"Split","pattern":"a","behavior":"Isolated"}""", "pattern")]
    [TestCase("""{"type":"Metaspace","replacement":"__"}""", "replacement")]
    [TestCase("""{"type":5}""", "type")]
    [TestCase("""[]""", "pre_tokenizer")]
    public void What_is_not_known_is_refused_by_name(string json, string named) =>
        Assert.That(() => Split(json, "a"), Throws.TypeOf<InvalidInputException>().With.Message.Contains(named));

    private static string[] Split(string json, string text, TextPosition position = TextPosition.Start)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        var words = new List<string>();
        PreTokenizerReader.Read(new JsonEntry("tokenizer.json", "pre_tokenizer", document.RootElement))!.Split(text, position, words);
        return [.. words];
    }
}
