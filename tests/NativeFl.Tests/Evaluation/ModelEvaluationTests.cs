using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Federation;

namespace NativeFl.Tests.Evaluation;

public sealed class ModelEvaluationTests
{
    [Test]
    public void Perplexity_is_the_loss_of_the_reference_over_all_counted_tokens([Values("llama", "llama3-rope", "qwen2", "qwen3")] string name)
    {
        string folder = Fixtures.Path("models", name);
        using var backend = FederationCases.Backend();
        using var model = Transformer.Load(backend, folder, DType.F32);
        using var scorer = new TokenScorer(model);
        double reference = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "expected.json")))!["base.loss"]!.GetValue<double>();
        TokenizedExample[] examples = Examples(folder);
        PerplexityResult result = Perplexity.Measure(scorer, examples);
        Assert.Multiple(() =>
        {
            Assert.That(result.Loss, Is.EqualTo(reference).Within(1e-4 * reference));
            Assert.That(result.Tokens, Is.EqualTo(examples.Sum(e => e.Labels.Skip(1).Count(l => l != -100))));
            Assert.That(result.StandardError, Is.GreaterThan(0));
        });
    }

    [Test]
    public void Multiple_choice_follows_the_mean_log_probability_of_each_choice()
    {
        using var backend = FederationCases.Backend();
        using var model = FederationCases.Model(backend);
        using var scorer = new TokenScorer(model);
        var draws = new Philox(8);
        MultipleChoiceItem[] items = [.. Enumerable.Range(0, 12).Select(i => new MultipleChoiceItem(
            $"{i}", Ids(ref draws, 3 + draws.NextInt32(5)), [.. Enumerable.Range(0, 4).Select(_ => Ids(ref draws, 1 + draws.NextInt32(4)))], i % 4))];
        AccuracyResult result = MultipleChoice.Measure(scorer, items);
        for (int i = 0; i < items.Length; i++)
        {
            double[] scores = [.. items[i].Choices.Select(choice => MeanLogProbability(scorer, items[i].Prompt, choice))];
            int best = Array.IndexOf(scores, scores.Max());
            Assert.That(result.Items[i].Answer, Is.EqualTo($"{best}"));
            Assert.That(result.Items[i].IsCorrect, Is.EqualTo(best == items[i].Answer));
        }

        Assert.That(result.Accuracy, Is.EqualTo(result.Items.Count(i => i.IsCorrect) / 12.0));
    }

    /// <summary>mean_t log softmax(logits before choice_t)[choice_t], in double from the logits of the whole sequence.</summary>
    private static double MeanLogProbability(TokenScorer scorer, int[] prompt, int[] choice)
    {
        const int Vocabulary = 256;
        int[] ids = [.. prompt, .. choice];
        var logits = new float[ids.Length * Vocabulary];
        scorer.Logits(ids, logits);
        double sum = 0;
        for (int t = prompt.Length; t < ids.Length; t++)
        {
            float[] row = logits[((t - 1) * Vocabulary)..(t * Vocabulary)];
            sum += row[ids[t]] - Math.Log(row.Sum(x => Math.Exp(x)));
        }

        return sum / choice.Length;
    }

    private static int[] Ids(ref Philox draws, int count)
    {
        var ids = new int[count];
        for (int i = 0; i < count; i++) ids[i] = draws.NextInt32(256);
        return ids;
    }

    private static TokenizedExample[] Examples(string folder)
    {
        using var expected = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
        long[] shape = expected.Entries["input_ids"].Shape;
        (int batch, int length) = ((int)shape[0], (int)shape[1]);
        var ids = new long[batch * length];
        var mask = new long[batch * length];
        var labels = new long[batch * length];
        expected.ReadInt64("input_ids", ids);
        expected.ReadInt64("attention_mask", mask);
        expected.ReadInt64("labels", labels);
        return [.. Enumerable.Range(0, batch).Select(row =>
        {
            int tokens = (int)mask.Skip(row * length).Take(length).Sum();
            int[] Row(long[] values) => [.. values.Skip(row * length).Take(tokens).Select(v => (int)v)];
            return new TokenizedExample($"{row}", Row(ids), Row(labels));
        })];
    }
}
