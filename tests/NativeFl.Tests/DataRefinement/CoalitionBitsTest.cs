using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;
using NativeFl.Valuation;

namespace NativeFl.Tests.DataRefinement;

/// <summary>v of a coalition has the same bits whatever it is fine-tuned and measured beside.</summary>
internal abstract class CoalitionBitsTest
{
    /// <summary>The device.</summary>
    protected abstract Backend Open();

    [TestCase(0)]
    [TestCase(0.25)]
    public void The_value_of_a_coalition_has_the_same_bits_whatever_is_beside_it(double dropout)
    {
        using Backend backend = Open();
        using Transformer model = TrainingCases.Model(backend);
        IReadOnlyList<TokenizedExample>[] groups = [.. Enumerable.Range(0, 4).Select(i => TrainingCases.Examples(2 + (i % 2), 20 + (ulong)i))];
        var options = new FineTuningGameOptions
        {
            Lora = new LoraOptions { Rank = 3, Alpha = 6 },
            Training = new TrainingOptions { BatchSize = 3, Epochs = 1, LearningRate = 5e-3, Dropout = dropout },
            Seed = 4,
        };
        var game = new FineTuningGame(model, groups, TrainingCases.Examples(5, 99), options);
        Coalition small = Coalition.Of(4, [1]), middle = Coalition.Of(4, [0, 2]), all = Coalition.All(4), none = Coalition.None(4);
        IReadOnlyList<double> together = game.Measure([none, small, all, middle], default), other = game.Measure([middle, Coalition.Of(4, [0, 1, 3]), none, small, Coalition.Of(4, [2, 3])], default);
        var narrow = new FineTuningGame(model, groups, TrainingCases.Examples(5, 99), options with { MaxRows = 40 });
        IReadOnlyList<double> inWaves = narrow.Measure([middle, none, all, small], default);
        Assert.Multiple(() =>
        {
            Assert.That(game.Measure([none], default)[0], Is.EqualTo(together[0]), "nobody, alone");
            Assert.That(game.Measure([small], default)[0], Is.EqualTo(together[1]), "one player, alone");
            Assert.That(game.Measure([all], default)[0], Is.EqualTo(together[2]), "all, alone");
            Assert.That(new[] { other[2], other[3], other[0] }, Is.EqualTo(new[] { together[0], together[1], together[3] }), "in other company and another order");
            Assert.That(new[] { inWaves[1], inWaves[3], inWaves[2], inWaves[0] }, Is.EqualTo(together), "in waves");
            Assert.That(together, Is.Unique);
        });
    }
}
