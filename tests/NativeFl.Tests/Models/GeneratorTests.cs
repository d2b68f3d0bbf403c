using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;

namespace NativeFl.Tests.Models;

public sealed class GeneratorTests
{
    private static readonly int[][] Prompts = [[5, 9, 200], [7], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]];

    [TestCase("llama")]
    [TestCase("qwen2")]
    [TestCase("llama3-rope")]
    public void The_cache_gives_what_reading_the_whole_sequence_again_gives(string fixture)
    {
        using var backend = TrainingCases.Backend();
        using var model = Transformer.Load(backend, Fixtures.Path("models", fixture));
        using var stack = new AdapterStack(model, [TrainingCases.Adapter(model.Config, 3, 7)], trainable: false);
        var options = new GenerationOptions { MaxNewTokens = 12, IgnoreEos = true };
        int[][] cached = new Generator(model, stack).Generate(Prompts, options);
        using var scorer = new TokenScorer(model, stack);
        for (int i = 0; i < Prompts.Length; i++)
        {
            List<int> sequence = [.. Prompts[i]];
            for (int t = 0; t < options.MaxNewTokens; t++)
            {
                var logits = new float[sequence.Count * model.Config.VocabularySize];
                scorer.Logits([.. sequence], logits);
                float[] last = logits[^model.Config.VocabularySize..];
                sequence.Add(Array.IndexOf(last, last.Max()));
            }

            Assert.That(cached[i], Is.EqualTo(sequence[Prompts[i].Length..]), $"prompt {i}");
        }
    }

    [Test]
    public void Prompts_side_by_side_give_what_each_gives_alone()
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        var generator = new Generator(model);
        var options = new GenerationOptions { MaxNewTokens = 9, Temperature = 0.8, TopP = 0.9, TopK = 40, Seed = 3, IgnoreEos = true };
        int[][] together = generator.Generate(Prompts, options);
        Assert.That(together[0], Is.EqualTo(generator.Generate([Prompts[0]], options)[0]));
        Assert.That(together.Select(t => t.Length), Is.All.EqualTo(9));
    }

    [Test]
    public void An_end_of_text_token_ends_a_sequence_and_is_left_out()
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        int[] free = new Generator(model).Generate([Prompts[0]], new GenerationOptions { MaxNewTokens = 6, IgnoreEos = true })[0];
        int stop = free[^1], first = Array.IndexOf(free, stop);
        using var stopping = Transformer.Random(backend, model.Config with { EosTokenIds = [stop] }, DType.F32, 1);
        stopping.Weights.CopyFrom(model.Weights);
        var seen = new List<(int, int)>();
        int[] ended = new Generator(stopping).Generate([Prompts[0]], new GenerationOptions { MaxNewTokens = 6 }, (i, t) => seen.Add((i, t)))[0];
        Assert.Multiple(() =>
        {
            Assert.That(ended, Is.EqualTo(free[..first]));
            Assert.That(seen.Select(s => s.Item2), Is.EqualTo(ended));
        });
    }

    [Test]
    public void Sampling_follows_the_softmax_of_the_kept_tokens()
    {
        float[] logits = [1, 3, 2, -50, 2.5f];
        const int Draws = 40_000;
        double[] Frequencies(GenerationOptions options)
        {
            var counts = new double[logits.Length];
            var sampler = new TokenSampler(options, 0);
            for (int i = 0; i < Draws; i++) counts[sampler.Next(logits)] += 1.0 / Draws;
            return counts;
        }

        double[] Softmax(double temperature, params int[] kept)
        {
            double total = kept.Sum(i => Math.Exp(logits[i] / temperature));
            return [.. logits.Select((l, i) => kept.Contains(i) ? Math.Exp(l / temperature) / total : 0)];
        }

        // Five standard errors of a frequency at 40,000 draws are at most 0.0125.
        Assert.Multiple(() =>
        {
            Assert.That(Frequencies(new GenerationOptions { Temperature = 0.7 }), Is.EqualTo(Softmax(0.7, 0, 1, 2, 3, 4)).Within(0.0125));
            Assert.That(Frequencies(new GenerationOptions { Temperature = 1, TopK = 2 }), Is.EqualTo(Softmax(1, 1, 4)).Within(0.0125));
            Assert.That(Frequencies(new GenerationOptions { Temperature = 1, TopP = 0.6 }), Is.EqualTo(Softmax(1, 1, 4)).Within(0.0125));
            Assert.That(new TokenSampler(new GenerationOptions(), 0).Next(logits), Is.EqualTo(1));
        });
    }
}
