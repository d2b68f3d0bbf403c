using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;

namespace NativeFl.Tests.DataRefinement;

/// <summary>What v is: scored for all adapters side by side, it is what eval would say of each alone.</summary>
public sealed class QualityTests
{
    private static readonly MultipleChoiceItem[] Items =
    [
        .. Enumerable.Range(0, 12).Select(i => new MultipleChoiceItem($"{i}", [3 + i, 7, (11 * i) % 50], [[4, i, 9], [i + 60, 5], [2 * i, 31, 7, 8]], i % 3)),
    ];

    [Test]
    public void Accuracy_is_that_of_eval_for_every_adapter()
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        var utility = new ChoiceAccuracy(Items);
        AdapterWeights?[] adapters = [TrainingCases.Adapter(model.Config, 3, 1), null, TrainingCases.Adapter(model.Config, 2, 6)];
        double[] alone =
        [
            .. adapters.Select(adapter =>
            {
                using AdapterStack? one = adapter is null ? null : new AdapterStack(model, [adapter], trainable: false);
                using var scorer = new TokenScorer(model, one);
                return MultipleChoice.Measure(scorer, Items).Accuracy;
            }),
        ];
        using var stack = new AdapterStack(model, adapters, trainable: false);
        using var together = new AdapterScorer(model, stack, 8, maxRows: 64);
        Assert.That(together.Losses(utility.Examples).Select(utility.Of), Is.EqualTo(alone));
        Assert.That(alone.Distinct().Count(), Is.GreaterThan(1), "the adapters answer otherwise");
    }

    [Test]
    public void Log_probability_of_questions_is_that_of_their_right_choices()
    {
        var utility = new AnswerLogProbability(Items);
        Assert.That(utility.Examples.Select(e => e.InputIds[3..]), Is.EqualTo(Items.Select(item => item.Choices[item.Answer])));
        Assert.That(utility.Examples.Select(e => e.CountedTokens), Is.EqualTo(Items.Select(item => item.Choices[item.Answer].Length)));
        Assert.That(utility.Of([[1, 3], [2]]), Is.EqualTo(-2));
    }

    [Test]
    public void What_is_not_finite_has_no_value()
    {
        var utility = new ChoiceAccuracy([Items[0]]);
        Assert.That(utility.Of([[1f, 1, 1], [float.NaN, 1], [1f, 1, 1, 1]]), Is.NaN);
        Assert.That(utility.Of([[1f, 1, 1], [2f, 1], [3f, 1, 1, 1]]), Is.EqualTo(1));
        Assert.That(double.IsFinite(new AnswerLogProbability(Items).Of([[1f], [float.PositiveInfinity]])), Is.False);
    }

    [Test]
    public void Nothing_to_measure_is_refused()
    {
        Assert.That(() => new ChoiceAccuracy([]), Throws.TypeOf<InvalidInputException>().With.Message.Contains("--validation"));
        Assert.That(() => new AnswerLogProbability(new[] { new TokenizedExample("x", [1], [1]) }), Throws.TypeOf<InvalidInputException>().With.Message.Contains("--validation"));
    }

    [Test]
    public void Tokens_of_a_coalition_are_those_that_its_training_counts()
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        IReadOnlyList<TokenizedExample>[] groups = [TrainingCases.Examples(3, 1), TrainingCases.Examples(4, 2)];
        foreach (TrainingOptions training in new[] { new TrainingOptions { BatchSize = 2, Epochs = 3 }, new TrainingOptions { BatchSize = 3, Epochs = 1, GradientAccumulation = 2 } })
        {
            var game = new FineTuningGame(model, groups, TrainingCases.Examples(2, 9), new FineTuningGameOptions { Lora = new LoraOptions { Rank = 1 }, Training = training });
            var task = new ClientTask
            {
                Id = "all",
                Seed = 0,
                Examples = [.. groups.SelectMany(g => g)],
                Initial = LoraInitialisation.Create(model.Config, new LoraOptions { Rank = 1 }, 0),
                Options = training,
            };
            Assert.That(game.TokensOf(NativeFl.Valuation.Coalition.All(2)), Is.EqualTo(new AdapterTrainer(model).Train([task])[0].Tokens));
            Assert.That(game.TokensOf(NativeFl.Valuation.Coalition.None(2)), Is.Zero);
        }
    }
}
