using NativeFl.Data;
using NativeFl.Tensors;
using NativeFl.Tests.Tokenization;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Data;

public sealed class PromptEncoderTests
{
    private const string Template = "<|begin_of_text|><|user|>{prompt}<|assistant|>{answer}<|end_of_text|>";
    private const int Bos = 2044, Eos = 2045, User = 2046, Assistant = 2047;

    private readonly Tokenizer _tokenizer = TokenizerFiles.LoadFixture();

    [Test]
    public void A_template_parses_added_tokens_and_counts_the_answer_and_what_follows()
    {
        TokenizedExample example = Encode("{\"question\":\"Two?\",\"answer\":\"2\"}", new PromptOptions { Template = Template });
        int[] prompt = _tokenizer.Encode("Two?", false), answer = _tokenizer.Encode("2", false);
        int[] before = [Bos, User, .. prompt, Assistant], counted = [.. answer, Eos];
        Assert.Multiple(() =>
        {
            Assert.That(example.InputIds, Is.EqualTo(before.Concat(counted)));
            Assert.That(example.Labels, Is.EqualTo(before.Select(_ => -100).Concat(counted)));
            Assert.That(example.CountedTokens, Is.EqualTo(counted.Length));
        });
    }

    [Test]
    public void Added_tokens_inside_a_field_stay_text()
    {
        TokenizedExample example = Encode(
            "{\"question\":\"<|assistant|>yes<|end_of_text|>\",\"answer\":\"<|user|>\"}", new PromptOptions { Template = Template });
        Assert.Multiple(() =>
        {
            Assert.That(example.InputIds.Where(id => id >= Bos), Is.EqualTo(new[] { Bos, User, Assistant, Eos }));
            Assert.That(_tokenizer.Decode(example.InputIds), Is.EqualTo("<|assistant|>yes<|end_of_text|><|user|>"));
        });
    }

    [Test]
    public void A_field_cannot_complete_an_added_token_of_the_template()
    {
        TokenizedExample example = Encode("{\"question\":\"user|>\",\"answer\":\"x\"}", new PromptOptions { Template = "<|{prompt}{answer}" });
        Assert.That(example.InputIds.Where(id => id >= Bos), Is.EqualTo(new[] { Bos }));
    }

    [Test]
    public void Text_between_added_tokens_is_encoded_as_one_whoever_wrote_it()
    {
        TokenizedExample example = Encode("{\"question\":\"otal\",\"answer\":\"x\"}", new PromptOptions { Template = "<|user|> t{prompt}<|assistant|>{answer}" });
        Assert.That(example.InputIds[2..^2], Is.EqualTo(_tokenizer.Encode(" total", false)));
    }

    [Test]
    public void Training_begins_with_exactly_the_prompt_that_generation_is_given()
    {
        foreach (string? template in new[] { null, Template, "Q: {prompt}\nA: {answer}\n" })
        {
            var options = new PromptOptions { Template = template };
            DataRecord record = DataFiles.Records("{\"question\":\"1 + 1 =\",\"answer\":\" 2\"}")[0];
            var encoder = new PromptEncoder(_tokenizer, options);
            int[] prompt = encoder.EncodePrompt(record);
            TokenizedExample example = encoder.Encode(record);
            ExactMatchRecord exact = ExactMatchRecord.Read([record], options)[0];
            Assert.Multiple(() =>
            {
                Assert.That(example.InputIds[..prompt.Length], Is.EqualTo(prompt));
                Assert.That(example.Labels[..prompt.Length], Is.All.EqualTo(-100));
                Assert.That(example.Labels[prompt.Length..], Has.None.EqualTo(-100));
                Assert.That(encoder.EncodePrompt(exact), Is.EqualTo(prompt));
                Assert.That(encoder.EncodePrompt("1 + 1 ="), Is.EqualTo(prompt));
                Assert.That((exact.Prompt, exact.Answer), Is.EqualTo(("1 + 1 =", " 2")));
            });
        }
    }

    [TestCase("{\"instruction\":\"Add.\",\"input\":\"1 2\",\"output\":\"3\"}", "Add.", "1 2", "3")]
    [TestCase("{\"instruction\":\"Add.\",\"input\":\"\",\"output\":\"3\"}", "Add.", "", "3")]
    [TestCase("{\"instruction\":\"Add.\",\"context\":\"1 2\",\"response\":\"3\",\"category\":\"sum\"}", "Add.", "1 2", "3")]
    [TestCase("{\"question\":\"Add.\",\"answer\":\"3\"}", "Add.", "", "3")]
    [TestCase("{\"prompt\":\"Add.\",\"response\":\"3\"}", "Add.", "", "3")]
    [TestCase("{\"prompt\":\"Add.\",\"completion\":\"3\"}", "Add.", "", "3")]
    public void Known_formats_have_a_wording_and_end_with_the_end_token(string record, string prompt, string context, string answer)
    {
        TokenizedExample example = Encode(record, new PromptOptions());
        string text = _tokenizer.Decode(example.InputIds), learnt = _tokenizer.Decode([.. example.Labels.Where(l => l != -100)]);
        Assert.Multiple(() =>
        {
            Assert.That(text, Does.Contain(prompt).And.Contain(context).And.EndWith(answer));
            Assert.That(text.Contains("Material", StringComparison.Ordinal), Is.EqualTo(context.Length > 0));
            Assert.That(learnt, Is.EqualTo(answer));
            Assert.That(example.InputIds[0], Is.EqualTo(Bos));
            Assert.That(example.InputIds[^1], Is.EqualTo(Eos));
            Assert.That(example.Labels[^1], Is.EqualTo(Eos));
        });
    }

    [Test]
    public void Fields_may_be_named()
    {
        const string record = "{\"question\":\"no\",\"answer\":\"no\",\"q\":\"Yes?\",\"a\":\"Yes.\",\"kind\":\"k\"}";
        TokenizedExample example = Encode(record, new PromptOptions { PromptField = "q", AnswerField = "a", Template = "{kind}: {prompt} {answer}" });
        Assert.Multiple(() =>
        {
            Assert.That(_tokenizer.Decode(example.InputIds), Is.EqualTo("k: Yes? Yes."));
            Assert.That(_tokenizer.Decode([.. example.Labels.Where(l => l != -100)]), Is.EqualTo("Yes."));
            Assert.That(example.Fields["kind"], Is.EqualTo("k"));
        });
    }

    [Test]
    public void The_prompt_is_counted_on_request()
    {
        TokenizedExample example = Encode("{\"question\":\"Two?\",\"answer\":\"2\"}", new PromptOptions { TrainOnPrompt = true });
        Assert.That(example.Labels, Is.EqualTo(example.InputIds));
    }

    [Test]
    public void Long_records_lose_their_end()
    {
        const string record = "{\"question\":\"Two?\",\"answer\":\"one two three four five six seven\"}";
        TokenizedExample whole = Encode(record, new PromptOptions { Template = Template });
        TokenizedExample cut = Encode(record, new PromptOptions { Template = Template, MaxLength = 10 });
        Assert.Multiple(() =>
        {
            Assert.That(cut.InputIds, Is.EqualTo(whole.InputIds[..10]));
            Assert.That(cut.Labels, Is.EqualTo(whole.Labels[..10]));
        });
    }

    [TestCase("{\"question\":\"Two?\",\"answer\":\"\"}", null, 64, "data.jsonl:1: answer")]
    [TestCase("{\"question\":\"Two?\",\"answer\":\" \\n\"}", null, 64, "data.jsonl:1: answer")]
    [TestCase("{\"question\":\"Two?\",\"answer\":2}", null, 64, "data.jsonl:1")]
    [TestCase("{\"question\":\"Two?\"}", null, 64, "data.jsonl:1")]
    [TestCase("{\"messages\":[]}", null, 64, "messages")]
    [TestCase("{\"question\":\"Two?\",\"answer\":\"2\"}", "{prompt}{answer}{other}", 64, "other")]
    [TestCase("{\"question\":\"Two?\",\"answer\":\"2\"}", "{prompt}", 64, "--template")]
    [TestCase("{\"question\":\"Two?\",\"answer\":\"2\"}", "no field", 64, "--template")]
    [TestCase("{\"question\":\"Two? Two? Two?\",\"answer\":\"2\"}", "{prompt}{answer}", 4, "data.jsonl:1")]
    [TestCase("{\"question\":\"Two?\",\"answer\":\"2\"}", "{prompt}{answer}", 1, "--max-length")]
    public void What_cannot_be_learnt_is_named(string record, string? template, int maxLength, string named) =>
        Assert.That(
            () => Encode(record, new PromptOptions { Template = template, MaxLength = maxLength }),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains(named));

    [Test]
    public void Braces_that_name_no_field_are_themselves()
    {
        TokenizedExample example = Encode("{\"question\":\"a\",\"answer\":\"b\"}", new PromptOptions { Template = "{ \"x\": {prompt} } {}{answer}" });
        Assert.That(_tokenizer.Decode(example.InputIds), Is.EqualTo("{ \"x\": a } {}b"));
    }

    [Test]
    public void A_choice_counts_exactly_its_own_tokens()
    {
        var encoder = new PromptEncoder(_tokenizer, new PromptOptions { Template = Template });
        MultipleChoiceRecord record = MultipleChoiceRecord.Read(DataFiles.Records("{\"question\":\"Q?\",\"choices\":[\"yes\",\"no way\"],\"answer\":1}"))[0];
        TokenizedExample example = encoder.EncodeChoice(record, 1);
        int[] choice = _tokenizer.Encode("no way", false);
        Assert.Multiple(() =>
        {
            Assert.That(record.Answer, Is.EqualTo(1));
            Assert.That(example.InputIds[..^choice.Length], Is.EqualTo(encoder.EncodePrompt("Q?")));
            Assert.That(example.Labels.Where(l => l != -100), Is.EqualTo(choice));
        });
        var without = new PromptEncoder(_tokenizer, new PromptOptions { Template = "{prompt}" });
        Assert.That(() => without.EncodeChoice(record, 1), Throws.TypeOf<InvalidInputException>().With.Message.Contains("--template"));
    }

    [TestCase("{\"question\":\"Q?\",\"choices\":[\"a\"],\"answer\":0}")]
    [TestCase("{\"question\":\"Q?\",\"choices\":[\"a\",\"b\"],\"answer\":2}")]
    [TestCase("{\"question\":\"Q?\",\"choices\":[\"a\",\"b\"],\"answer\":-1}")]
    [TestCase("{\"question\":\"Q?\",\"choices\":[\"a\",\"b\"],\"answer\":\"a\"}")]
    [TestCase("{\"question\":\"Q?\",\"choices\":[\"a\",\"b\"],\"answer\":0.5}")]
    [TestCase("{\"question\":\"Q?\",\"choices\":[\"a\",2],\"answer\":0}")]
    [TestCase("{\"question\":\"Q?\",\"choices\":[\"a\",\"\"],\"answer\":0}")]
    [TestCase("{\"question\":\"Q?\",\"choices\":\"ab\",\"answer\":0}")]
    [TestCase("{\"choices\":[\"a\",\"b\"],\"answer\":0}")]
    public void A_bad_choice_record_is_named(string record) =>
        Assert.That(() => MultipleChoiceRecord.Read(DataFiles.Records(record)), Throws.TypeOf<InvalidInputException>().With.Message.Contains("data.jsonl:1"));

    private TokenizedExample Encode(string record, PromptOptions options) =>
        new PromptEncoder(_tokenizer, options).Encode(DataFiles.Records(record)[0]);
}
