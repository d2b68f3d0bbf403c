using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Tokenization;

public sealed class TokenizerTests
{
    private static Tokenizer Fixture() => TokenizerFiles.LoadFixture();

    [Test]
    public void Ids_equal_those_of_an_independent_implementation()
    {
        Tokenizer tokenizer = Fixture();
        JsonArray cases = JsonNode.Parse(File.ReadAllText(TokenizerFiles.Fixture("bpe2048.expected.json")))!.AsArray();
        Assert.That(cases, Has.Count.EqualTo(20));
        Assert.Multiple(() =>
        {
            foreach (JsonNode? item in cases)
            {
                string text = item!["text"]!.GetValue<string>();
                Assert.That(tokenizer.Encode(text, false), Is.EqualTo(Ids(item["ids"]!)), text);
                Assert.That(tokenizer.Encode(text, true), Is.EqualTo(Ids(item["ids_with_bos"]!)), text);
            }
        });
    }

    [Test]
    public void Decoding_gives_back_any_text()
    {
        Tokenizer tokenizer = Fixture();
        Text.Sample(text => Assert.That(tokenizer.Decode(tokenizer.Encode(text, true, false)), Is.EqualTo(Whole(text))));
    }

    [Test]
    public void Decoding_gives_back_added_tokens_on_request()
    {
        Tokenizer tokenizer = Fixture();
        const string text = "<|user|>2+2?<|assistant|>4<|end_of_text|>";
        int[] ids = tokenizer.Encode(text, false);
        Assert.Multiple(() =>
        {
            Assert.That(tokenizer.Decode(ids, skipSpecial: false), Is.EqualTo(text));
            Assert.That(tokenizer.Decode(ids), Is.EqualTo("2+2?4"));
        });
    }

    [Test]
    public void Streaming_gives_the_same_text_as_decoding_at_once()
    {
        Tokenizer tokenizer = Fixture();
        Gen.Int[0, 2047].Array[0, 40].Sample(ids =>
        {
            var decoder = new StreamingDecoder(tokenizer);
            string streamed = string.Concat(ids.Select(decoder.Push)) + decoder.Flush();
            Assert.That(streamed, Is.EqualTo(tokenizer.Decode(ids)));
        });
    }

    [Test]
    public void Streaming_holds_an_unfinished_character_back()
    {
        Tokenizer tokenizer = Fixture();
        int[] ids = tokenizer.Encode("🙂", false);
        Assert.That(ids, Has.Length.EqualTo(4));
        var decoder = new StreamingDecoder(tokenizer);
        Assert.That(ids.Select(decoder.Push), Is.EqualTo(new[] { "", "", "", "🙂" }));
        decoder.Push(ids[0]);
        Assert.That(decoder.Flush(), Is.EqualTo("\uFFFD"));
    }

    [Test]
    public void Half_a_surrogate_pair_is_the_replacement_character()
    {
        Tokenizer tokenizer = Fixture();
        int[] replacement = tokenizer.Encode("a\uFFFDb", false);
        Assert.Multiple(() =>
        {
            Assert.That(tokenizer.Encode("a\ud800b", false), Is.EqualTo(replacement));
            Assert.That(tokenizer.Encode("a\udc00b", false), Is.EqualTo(replacement));
        });
    }

    [Test]
    public void Added_tokens_are_ordinary_text_where_parsing_is_off()
    {
        Tokenizer tokenizer = Fixture();
        Assert.Multiple(() =>
        {
            Assert.That(tokenizer.Encode("<|user|>", false), Is.EqualTo(new[] { 2046 }));
            Assert.That(tokenizer.Encode("<|user|>", false, parseAddedTokens: false), Has.None.GreaterThanOrEqualTo(2044).And.Length.GreaterThan(1));
        });
    }

    [Test]
    public void Special_tokens_are_named_by_tokenizer_config_as_text_or_object()
    {
        using var files = new TokenizerFiles();
        files.Write("tokenizer_config.json", """{"bos_token":{"content":"<|user|>"},"eos_token":"<|end_of_text|>","pad_token":"[PAD]","add_bos_token":false}""");
        Tokenizer tokenizer = files.LoadJson(TokenizerFiles.FixtureJson());
        Assert.Multiple(() =>
        {
            Assert.That(tokenizer.BosId, Is.EqualTo(2046));
            Assert.That(tokenizer.EosId, Is.EqualTo(2045));
            Assert.That(tokenizer.PadId, Is.Null);
            Assert.That(tokenizer.Encode("a", addBos: true), Is.EqualTo(tokenizer.Encode("a", addBos: false)));
        });
    }

    [Test]
    public void A_tokenizer_larger_than_the_model_is_refused_on_request()
    {
        Tokenizer tokenizer = Fixture();
        Assert.Multiple(() =>
        {
            Assert.That(tokenizer.VocabularySize, Is.EqualTo(2048));
            Assert.That(() => tokenizer.RequireFits(2048), Throws.Nothing);
            Assert.That(() => tokenizer.RequireFits(2047), Throws.TypeOf<InvalidInputException>().With.Message.Contains("2047"));
        });
    }

    [Test]
    public void A_folder_without_a_tokenizer_is_named()
    {
        using var files = new TokenizerFiles();
        Assert.That(() => Tokenizer.Load(files.Folder), Throws.TypeOf<InvalidInputException>().With.Message.Contains(files.Folder));
    }

    private static readonly string[] Pieces =
    [
        " ", "  ", "\n", "\r\n", "\t", "\0", "a", "é", "e\u0301", "日本", "🙂", "\ud800", "\udc00", "'s", "123", "<|user|>", "\u2581", "𝐀",
    ];

    /// <summary>Any UTF-16, with what tokenizers stumble over made likely.</summary>
    internal static readonly Gen<string> Text = Gen.OneOf(
        Gen.String,
        Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]).Array[0, 12].Select(parts => string.Concat(parts)));

    internal static string Whole(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static int[] Ids(JsonNode node) => [.. node.AsArray().Select(v => v!.GetValue<int>())];
}
