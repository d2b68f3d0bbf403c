using NativeFl.Evaluation;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Federation;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Evaluation;

public sealed class ExactMatchTests
{
    [Test]
    public void Outputs_are_compared_by_what_was_extracted()
    {
        var pattern = new AnswerPattern(@"#### (\d+)");
        var item = new ExactMatchItem("7", [1], "2 + 2 = 4\n#### 4");
        string reference = ExactMatch.Reference(item, pattern);
        Assert.Multiple(() =>
        {
            Assert.That(ExactMatch.Compare("7", "I think #### 4 is it", reference, pattern).IsCorrect, Is.True);
            Assert.That(ExactMatch.Compare("7", "#### 5", reference, pattern), Is.EqualTo(new ItemResult("7", false, "5", "4")));
            Assert.That(ExactMatch.Compare("7", "4", reference, pattern).IsCorrect, Is.False);
        });
    }

    [Test]
    public void A_reference_without_the_pattern_is_refused_by_its_id()
    {
        var error = Assert.Throws<InvalidInputException>(
            () => ExactMatch.Reference(new ExactMatchItem("r9", [1], "4"), new AnswerPattern("####")));
        Assert.That(error.Message, Does.StartWith("--extract, record r9: "));
    }

    [Test]
    public void Outputs_are_what_the_most_likely_tokens_say()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Fixtures.Path("tokenizers", "bpe2048.json"), Path.Combine(folder.Root, "tokenizer.json"));
        Tokenizer tokenizer = Tokenizer.Load(folder.Root);
        ModelConfig config = ModelConfigFile.Load(Fixtures.Path("models", "llama")) with { VocabularySize = tokenizer.VocabularySize };
        using var backend = FederationCases.Backend();
        using var model = Transformer.Random(backend, config, DType.F32, 3);
        using var scorer = new TokenScorer(model);
        int[][] prompts = [.. new[] { "How many apples?", "A man", "2 + 2 =", "The" }.Select(p => tokenizer.Encode(p, addBos: true))];
        string[] greedy = [.. prompts.Select(p => tokenizer.Decode(Greedy(scorer, config, p, 8)).Trim())];
        ExactMatchItem[] items = [.. prompts.Select((p, i) => new ExactMatchItem($"{i}", p, i % 2 == 0 ? greedy[i] : greedy[i] + "!"))];
        AccuracyResult result = ExactMatch.Measure(new Generator(model), tokenizer, items, new AnswerPattern(null), 8);
        Assert.Multiple(() =>
        {
            Assert.That(result.Items.Select(i => i.Answer), Is.EqualTo(greedy));
            Assert.That(result.Items.Select(i => i.IsCorrect), Is.EqualTo(new[] { true, false, true, false }));
            Assert.That(result.Accuracy, Is.EqualTo(0.5));
        });
    }

    /// <summary>The most likely next token again and again, from the logits of the whole sequence: no cache.</summary>
    private static int[] Greedy(TokenScorer scorer, ModelConfig config, int[] prompt, int count)
    {
        List<int> ids = [.. prompt];
        while (ids.Count < prompt.Length + count)
        {
            var logits = new float[ids.Count * config.VocabularySize];
            scorer.Logits(ids.ToArray(), logits);
            float[] last = logits[^config.VocabularySize..];
            int next = Array.IndexOf(last, last.Max());
            if (config.EosTokenIds.Contains(next)) break;
            ids.Add(next);
        }

        return [.. ids.Skip(prompt.Length)];
    }
}
