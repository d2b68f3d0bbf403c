using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;

namespace NativeFl.Tests.Evaluation;

public sealed class DecodeSpeedTests
{
    [Test]
    public void A_prompt_is_what_passes_until_its_token_and_a_step_what_passes_until_the_last_of_its_tokens()
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        var options = new DecodeOptions { Sequences = 3, PromptLength = 5, NewTokens = 5, Seed = 7 };
        DecodeResult result = DecodeSpeed.Measure(model, options, clock: new Clock(10, 30, 20, 4, 1, 9, 2));
        Assert.Multiple(() =>
        {
            Assert.That(result.PrefillSeconds, Is.EqualTo(new double[] { 10, 30, 20 }));
            Assert.That(result.StepSeconds, Is.EqualTo(new double[] { 4, 1, 9, 2 }));
            Assert.That(result.SecondsPerStep, Is.EqualTo(3), "between 2 and 4");
            Assert.That(result.TokensPerSecond, Is.EqualTo(1));
            Assert.That(result.PrefillTokensPerSecond, Is.EqualTo(0.25));
            Assert.That(result.Options, Is.SameAs(options));
        });
        DecodeResult pooled = result.With(DecodeSpeed.Measure(model, options, clock: new Clock(40, 40, 40, 5, 5, 5, 5)));
        Assert.That((pooled.SecondsPerStep, pooled.PrefillTokensPerSecond), Is.EqualTo((5.0, 5 / 35.0)), "medians over both");
    }

    [Test]
    public void The_cache_counts_every_position_of_the_attention_layers_that_are_left()
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        using Transformer without = model.Without(new DroppedSublayers([new Sublayer(1, SublayerKind.Attention), new Sublayer(0, SublayerKind.Mlp)]));
        var options = new DecodeOptions { Sequences = 2, PromptLength = 6, NewTokens = 2 };
        long layer = 2L * 2 * (6 + 2) * model.Config.KvHeads * model.Config.HeadWidth * sizeof(float);
        Assert.That(DecodeSpeed.CacheBytes(model, options), Is.EqualTo(model.Config.LayerCount * layer));
        Assert.That(DecodeSpeed.Measure(without, options).CacheBytes, Is.EqualTo((model.Config.LayerCount - 1) * layer));
    }

    [Test]
    public void What_is_longer_than_the_model_is_refused()
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        int positions = model.Config.MaxPositions;
        Assert.That(
            () => DecodeSpeed.Measure(model, new DecodeOptions { PromptLength = positions - 1, NewTokens = 2 }),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains($"{positions - 1} + 2"));
        Assert.That(DecodeSpeed.Measure(model, new DecodeOptions { PromptLength = positions - 2, NewTokens = 2 }).StepSeconds, Has.Count.EqualTo(1));
    }

    [Test]
    public void An_adapter_is_in_use_and_an_end_of_text_token_does_not_end_it()
    {
        using var backend = TrainingCases.Backend();
        using var loaded = TrainingCases.Model(backend);
        using var model = Transformer.Random(backend, loaded.Config with { EosTokenIds = [.. Enumerable.Range(0, loaded.Config.VocabularySize)] }, DType.F32, 1);
        using var stack = new AdapterStack(model, [TrainingCases.Adapter(model.Config, 2, 3)], trainable: false);
        DecodeResult result = DecodeSpeed.Measure(model, new DecodeOptions { Sequences = 2, PromptLength = 3, NewTokens = 6 }, stack);
        Assert.That((result.PrefillSeconds.Count, result.StepSeconds.Count), Is.EqualTo((2, 5)));
    }

    /// <summary>A clock that goes on by given seconds every time it is asked, after the first.</summary>
    private sealed class Clock(params double[] seconds) : TimeProvider
    {
        private int _asked;
        private long _now;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => _asked++ == 0 ? _now : _now += (long)(1000 * seconds[_asked - 2]);
    }
}
