using System.Text.Json;
using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Tensors;
using NativeFl.Tests.Data;
using NativeFl.Tests.Tokenization;
using NativeFl.Tokenization;

namespace NativeFl.Tests.LayerDropping;

public sealed class CalibrationTests
{
    private static readonly string[] Texts = ["The first document.", "A second one, which is longer than the first document.", "Third"];

    private readonly Tokenizer _tokenizer = TokenizerFiles.LoadFixture();

    /// <summary>All texts, an end of text behind each, nothing in front.</summary>
    private int[] Stream => [.. Texts.SelectMany(text => _tokenizer.Encode(text, addBos: false).Append(_tokenizer.EosId!.Value))];

    [Test]
    public void Documents_lie_one_behind_the_other_with_an_end_each_and_no_beginning_cut_at_the_length()
    {
        int length = (Stream.Length - 1) / 3;
        IReadOnlyList<TokenizedExample> samples = Calibration.Pack(Texts, _tokenizer, 100, length, "data");
        Assert.Multiple(() =>
        {
            Assert.That(samples, Has.Count.EqualTo(3), "what is left over is not used");
            Assert.That(samples.SelectMany(s => s.InputIds), Is.EqualTo(Stream[..(3 * length)]));
            Assert.That(samples.Select(s => s.InputIds.Length), Is.All.EqualTo(length));
            Assert.That(samples.SelectMany(s => s.InputIds), Has.None.EqualTo(_tokenizer.BosId!.Value));
            Assert.That(samples.SelectMany(s => s.Labels), Is.EqualTo(Stream[..(3 * length)]), "all tokens count");
            Assert.That(samples.Select(s => s.Starts.Count), Is.All.EqualTo(1), "documents of a sample see each other");
        });
    }

    [Test]
    public void No_more_samples_are_made_than_are_asked_for_nor_is_more_text_read()
    {
        IEnumerable<string> Endless()
        {
            for (int i = 0; ; i++) yield return i < 50 ? "some words" : throw new InvalidOperationException("read on");
        }

        Assert.That(Calibration.Pack(Endless(), _tokenizer, 2, 4, "data"), Has.Count.EqualTo(2));
    }

    [Test]
    public void Less_text_than_one_sample_is_refused_and_just_enough_is_one()
    {
        int all = Stream.Length;
        Assert.That(Calibration.Pack(Texts, _tokenizer, 3, all, "data"), Has.Count.EqualTo(1));
        Assert.That(
            () => Calibration.Pack(Texts, _tokenizer, 3, all + 1, "data"),
            Throws.TypeOf<InvalidInputException>().With.Message.EqualTo($"data: expected at least one sample of {all + 1} tokens, got {all} tokens"));
        Assert.That(() => Calibration.Pack([], _tokenizer, 3, 2, "data"), Throws.TypeOf<InvalidInputException>().With.Message.Contains("0 tokens"));
    }

    [Test]
    public void A_tokenizer_without_an_end_of_text_cannot_pack()
    {
        using var files = new TokenizerFiles();
        Tokenizer without = files.LoadJson(TokenizerFiles.FixtureJson());
        Assert.That(without.EosId, Is.Null);
        Assert.That(() => Calibration.Pack(Texts, without, 1, 4, "data"), Throws.TypeOf<InvalidInputException>().With.Message.Contains("end-of-text"));
    }

    [Test]
    public void Plain_text_is_packed_unless_it_is_not_to_be()
    {
        IReadOnlyList<DataRecord> records = DataFiles.Records(string.Join('\n', Texts.Select(t => JsonSerializer.Serialize(new Dictionary<string, string> { ["text"] = t }))));
        IReadOnlyList<TokenizedExample> packed = Load(records, new PromptOptions(), 2, 7), alone = Load(records, new PromptOptions { Packing = false }, 2, 7);
        Assert.Multiple(() =>
        {
            Assert.That(packed.Select(s => s.InputIds), Is.EqualTo(new[] { Stream[..7], Stream[7..14] }));
            Assert.That(alone.Select(s => s.InputIds), Is.EqualTo(Texts.Take(2).Select(t => _tokenizer.Encode(t, addBos: true).Append(_tokenizer.EosId!.Value).Take(7))));
            Assert.That(alone.Select(s => s.Id), Is.EqualTo(records.Take(2).Select(r => r.Id)));
        });
    }

    [Test]
    public void A_record_with_an_answer_is_a_sample_of_its_own_cut_at_the_length_even_within_its_prompt()
    {
        IReadOnlyList<DataRecord> records = DataFiles.Records("""
            {"question":"What is one and one, and what is two and two, and what is three and three?","answer":"Two, four, six."}
            {"question":"Who?","answer":"Me."}
            """);
        IReadOnlyList<TokenizedExample> whole = Load(records, new PromptOptions(), 9, 2048), cut = Load(records, new PromptOptions(), 9, 8);
        Assert.Multiple(() =>
        {
            Assert.That(whole.Select(s => s.CountedTokens), Is.All.GreaterThan(0));
            Assert.That(cut.Select(s => s.InputIds), Is.EqualTo(whole.Select(s => s.InputIds.Take(8))));
            Assert.That(cut[0].Labels, Is.All.EqualTo(TokenizedExample.Ignored), "similarities are of prompts too");
            Assert.That(Load(records, new PromptOptions(), 1, 8), Has.Count.EqualTo(1));
        });
    }

    [Test]
    public void Tokenised_records_are_cut_too()
    {
        IReadOnlyList<DataRecord> records = DataFiles.Records("""
            {"input_ids":[5,6,7,8,9],"labels":[5,6,7,8,9]}
            {"input_ids":[5,6],"labels":[5,6]}
            """);
        IReadOnlyList<TokenizedExample> samples = Calibration.Load(records, null, new PromptOptions(), 32, 9, 3, "data");
        Assert.That(samples.Select(s => (string.Join(',', s.InputIds), s.Labels.Length)), Is.EqualTo(new[] { ("5,6,7", 3), ("5,6", 2) }));
    }

    [Test]
    public void A_tokenizer_that_is_larger_than_the_model_is_refused()
    {
        IReadOnlyList<DataRecord> records = DataFiles.Records("""{"text":"words"}""");
        Assert.That(() => Calibration.Load(records, _tokenizer, new PromptOptions(), 100, 1, 2, "data"), Throws.TypeOf<InvalidInputException>().With.Message.Contains("vocabulary of 100"));
    }

    private IReadOnlyList<TokenizedExample> Load(IReadOnlyList<DataRecord> records, PromptOptions options, int samples, int length) =>
        Calibration.Load(records, _tokenizer, options, _tokenizer.VocabularySize, samples, length, "data");
}
