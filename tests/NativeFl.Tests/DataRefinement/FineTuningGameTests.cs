using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;
using NativeFl.Tests.Models;
using NativeFl.Valuation;

namespace NativeFl.Tests.DataRefinement;

public sealed class FineTuningGameTests() : ModelTest("qwen2")
{
    private static readonly FineTuningGameOptions Options = new()
    {
        Lora = new LoraOptions { Rank = 3, Alpha = 6 },
        Training = new TrainingOptions { BatchSize = 2, Epochs = 2, LearningRate = 5e-3 },
        Seed = 4,
        AtOnce = 3,
    };

    private static IReadOnlyList<TokenizedExample>[] Groups() => [.. Enumerable.Range(0, 4).Select(i => TrainingCases.Examples(2 + (i % 2), 20 + (ulong)i))];

    [Test]
    public void The_value_of_a_coalition_is_that_of_the_base_fine_tuned_on_its_records_alone()
    {
        IReadOnlyList<TokenizedExample>[] groups = Groups();
        TokenizedExample[] validation = TrainingCases.Examples(5, 99);
        var game = new FineTuningGame(Model, groups, validation, Options);
        Coalition[] coalitions = [Coalition.None(4), Coalition.Of(4, [1]), Coalition.Of(4, [0, 2]), Coalition.All(4)];
        IReadOnlyList<double> together = game.Measure(coalitions, default);
        using (var scorer = new TokenScorer(Model)) Assert.That(together[0], Is.EqualTo(-Perplexity.Measure(scorer, validation).Loss), "nobody: the base itself");
        for (int k = 1; k < coalitions.Length; k++)
        {
            var task = new ClientTask
            {
                Id = "alone",
                Seed = Options.Seed,
                Examples = [.. coalitions[k].Members.SelectMany(i => groups[i])],
                Initial = LoraInitialisation.Create(Model.Config, Options.Lora, Options.Seed),
                Options = Options.Training,
            };
            ClientUpdate update = new AdapterTrainer(Model).Train([task])[0];
            using var stack = new AdapterStack(Model, [update.Adapter], trainable: false);
            using var scorer = new TokenScorer(Model, stack);
            Assert.That(together[k], Is.EqualTo(-Perplexity.Measure(scorer, validation).Loss).Within(1e-4), coalitions[k].ToString());
            Assert.That(together[k], Is.Not.EqualTo(together[0]).Within(1e-3), "the coalition has learnt something");
        }
    }

    [Test]
    public void Adapters_side_by_side_score_as_each_alone()
    {
        AdapterWeights?[] adapters = [TrainingCases.Adapter(Model.Config, 3, 1), null, TrainingCases.Adapter(Model.Config, 1, 2)];
        TokenizedExample[] examples = TrainingCases.Examples(9, 5);
        using var stack = new AdapterStack(Model, adapters, trainable: false);
        using var scorer = new AdapterScorer(Model, stack, examples.Max(e => e.InputIds.Length), maxRows: 40);
        float[][][] losses = scorer.Losses(examples);
        for (int k = 0; k < adapters.Length; k++)
        {
            using var one = new AdapterStack(Model, [adapters[k]], trainable: false);
            using var alone = new TokenScorer(Model, one);
            Assert.That(losses[k], Is.EqualTo(alone.Losses(examples)).Within(1e-6f), $"adapter {k}");
        }

        Assert.That(losses[0][0][0], Is.Not.EqualTo(losses[1][0][0]));
        Assert.That(() => scorer.Losses([new TokenizedExample("long", new int[41], new int[41])]), Throws.ArgumentException);
    }

    [Test]
    public void Values_come_out_of_a_game_of_groups_and_efficiency_holds()
    {
        var values = new CoalitionValues(4);
        var valuer = new Valuer(new FineTuningGame(Model, Groups(), TrainingCases.Examples(4, 98), Options), values);
        IReadOnlyList<PlayerValue> estimate = valuer.Estimate(new ExactShapley(4));
        double gain = values[Coalition.All(4)]!.Value - values[Coalition.None(4)]!.Value;
        Assert.That(estimate.Sum(v => v.Value), Is.EqualTo(gain).Within(1e-12));
        Assert.That(valuer.FineTunings, Is.EqualTo(15));
        Assert.That(estimate.Select(v => v.Value), Is.Unique);
    }

    [Test]
    public void A_coalition_that_diverges_has_no_value()
    {
        FineTuningGameOptions wild = Options with { Training = new TrainingOptions { BatchSize = 2, Steps = 4, LearningRate = 1e30, GradClip = 0 } };
        var game = new FineTuningGame(Model, Groups(), TrainingCases.Examples(3, 97), wild);
        IReadOnlyList<double> values = game.Measure([Coalition.None(4), Coalition.All(4)], default);
        Assert.That(double.IsFinite(values[0]));
        Assert.That(double.IsFinite(values[1]), Is.False);
    }

    [Test]
    public void A_game_of_nothing_is_refused()
    {
        TokenizedExample[] validation = TrainingCases.Examples(1, 1);
        Assert.That(() => new FineTuningGame(Model, [], validation, Options), Throws.TypeOf<InvalidInputException>().With.Message.Contains("--proxies"));
        Assert.That(() => new FineTuningGame(Model, [[]], validation, Options), Throws.TypeOf<InvalidInputException>().With.Message.Contains("--proxies"));
        Assert.That(() => new FineTuningGame(Model, Groups(), [], Options), Throws.TypeOf<InvalidInputException>().With.Message.Contains("--validation"));
    }
}
