using NativeFl.Data;
using NativeFl.Tensors;
using NativeFl.Tests.Tokenization;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Data;

public sealed class DatasetTests
{
    private readonly Tokenizer _tokenizer = TokenizerFiles.LoadFixture();

    [Test]
    public void Pre_tokenised_records_are_taken_as_they_are()
    {
        IReadOnlyList<TokenizedExample> examples = Load("{\"input_ids\":[1,2,3],\"labels\":[-100,2,3],\"kind\":\"x\"}\n{\"input_ids\":[4,5]}", null);
        Assert.Multiple(() =>
        {
            Assert.That(examples[0].InputIds, Is.EqualTo(new[] { 1, 2, 3 }));
            Assert.That(examples[0].Labels, Is.EqualTo(new[] { -100, 2, 3 }));
            Assert.That(examples[0].Fields["kind"], Is.EqualTo("x"));
            Assert.That(examples[1].Labels, Is.EqualTo(new[] { 4, 5 }));
            Assert.That(examples.Select(e => e.Id), Is.EqualTo(new[] { "0", "1" }));
        });
    }

    [TestCase("{\"input_ids\":[1,2048]}", "input_ids[1]")]
    [TestCase("{\"input_ids\":[1,-1]}", "input_ids[1]")]
    [TestCase("{\"input_ids\":[1,-100]}", "input_ids[1]")]
    [TestCase("{\"input_ids\":[1,1.5]}", "input_ids[1]")]
    [TestCase("{\"input_ids\":[1,99999999999]}", "input_ids[1]")]
    [TestCase("{\"input_ids\":[1,\"2\"]}", "input_ids[1]")]
    [TestCase("{\"input_ids\":[1,null]}", "input_ids[1]")]
    [TestCase("{\"input_ids\":\"1\"}", "input_ids")]
    [TestCase("{\"input_ids\":[]}", "data.jsonl:1")]
    [TestCase("{\"input_ids\":[1]}", "data.jsonl:1")]
    [TestCase("{\"input_ids\":[1,2],\"labels\":[1]}", "labels")]
    [TestCase("{\"input_ids\":[1,2],\"labels\":[1,-99]}", "labels[1]")]
    [TestCase("{\"input_ids\":[1,2],\"labels\":[1,-100]}", "data.jsonl:1")]
    [TestCase("{\"input_ids\":[1,2]}\n{\"text\":\"a\"}", "data.jsonl:2")]
    public void A_bad_pre_tokenised_record_is_named(string text, string named) =>
        Assert.That(() => Load(text, null), Throws.TypeOf<InvalidInputException>().With.Message.Contains("data.jsonl:").And.Message.Contains(named));

    [Test]
    public void Text_needs_a_tokenizer_and_ids_within_the_model()
    {
        Assert.Multiple(() =>
        {
            Assert.That(() => Load("{\"text\":\"a\"}", null), Throws.TypeOf<InvalidInputException>().With.Message.Contains("input_ids"));
            Assert.That(() => Load("{\"text\":\"a\"}", _tokenizer, vocabulary: 100), Throws.TypeOf<InvalidInputException>().With.Message.Contains("data.jsonl:1"));
        });
    }

    [Test]
    public void Plain_text_is_joined_and_cut_unless_packing_is_off()
    {
        const string text = "{\"text\":\"one two three four\"}\n{\"text\":\"five\"}\n{\"text\":\"six seven eight nine ten\"}";
        IReadOnlyList<TokenizedExample> apart = Load(text, _tokenizer, new PromptOptions { Packing = false });
        IReadOnlyList<TokenizedExample> joined = Load(text, _tokenizer, new PromptOptions { MaxLength = 6 });
        int[] stream = [.. apart.SelectMany(e => e.InputIds)];
        Assert.Multiple(() =>
        {
            Assert.That(apart, Has.Count.EqualTo(3));
            Assert.That(apart.Select(e => e.InputIds[0]), Is.All.EqualTo(_tokenizer.BosId));
            Assert.That(apart.Select(e => e.InputIds[^1]), Is.All.EqualTo(_tokenizer.EosId));
            Assert.That(apart.Select(e => e.Labels), Is.EqualTo(apart.Select(e => e.InputIds)));
            Assert.That(joined.SelectMany(e => e.InputIds), Is.EqualTo(stream));
            Assert.That(joined.SkipLast(1).Select(e => e.InputIds.Length), Is.All.EqualTo(6));
        });
    }

    [Test]
    public void Instructions_are_packed_only_on_request()
    {
        const string text = "{\"question\":\"a\",\"answer\":\"b\"}\n{\"question\":\"c\",\"answer\":\"d\"}";
        Assert.Multiple(() =>
        {
            Assert.That(Load(text, _tokenizer), Has.Count.EqualTo(2));
            IReadOnlyList<TokenizedExample> packed = Load(text, _tokenizer, new PromptOptions { Packing = true });
            Assert.That(packed, Has.Count.EqualTo(1));
            Assert.That(packed[0].Starts, Has.Count.EqualTo(2));
            Assert.That(packed[0].Id, Is.EqualTo("0+1"));
        });
    }

    [TestCase("{\"input_ids\":[1,2]}", true)]
    [TestCase("[{\"input_ids\":[1,2]}]", true)]
    [TestCase("\n\n{\"text\":\"a\"}", false)]
    public void The_first_record_tells_whether_data_is_pre_tokenised(string text, bool expected) =>
        Assert.That(Dataset.IsPreTokenised(DataFiles.Records(text)), Is.EqualTo(expected));

    private static IReadOnlyList<TokenizedExample> Load(string text, Tokenizer? tokenizer, PromptOptions? options = null, int vocabulary = 2048)
    {
        using var files = new DataFiles();
        return Dataset.Load([files.Write("data.jsonl", text)], tokenizer, options ?? new PromptOptions(), vocabulary);
    }
}
