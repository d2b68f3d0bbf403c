using System.Globalization;
using System.Text.RegularExpressions;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;

namespace NativeFl.Tests.DataRefinement;

/// <summary>A training that values are taken from takes what was planned, and less where less is allowed.</summary>
public sealed class InRunMemoryTests
{
    private const int Rank = 2, Blocks = 3, Batch = 5;

    private static readonly TokenizedExample[] Records = TrainingCases.Examples(7, 31), Validation = TrainingCases.Examples(5, 32);

    private static InRunOptions Options => new()
    {
        Lora = new LoraOptions { Rank = Rank, Alpha = 4 },
        Training = new TrainingOptions { BatchSize = Batch, Steps = 3, LearningRate = 3e-3 },
        ValidationBlocks = Blocks,
    };

    private static InRunMemory Plan(Backend backend, Transformer model, InRunOptions options, long budget = long.MaxValue) =>
        InRunMemory.Plan(backend, model.Config, model.Weights.Type, Records, Validation, options, budget);

    [Test]
    public void What_is_planned_is_what_the_run_takes([Values] InRunOrder order, [Values(20, 8192)] int rows)
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        InRunOptions options = Options with { Order = order, MaxRows = rows };
        long before = backend.AllocatedBytes;
        InRunMemory planned = Plan(backend, model, options);
        Assert.That(backend.AllocatedBytes, Is.EqualTo(before), "planning takes nothing");
        long taken = 0;
        new InRunValues(model, Records, Validation, options with { MaxRows = planned.MaxRows }).Measure((_, _) => taken = backend.AllocatedBytes);

        // On the host: the second moments, P g of every block, g of every block before (and after) a step; and, of a few hundred bytes each, credits, products, losses.
        long adapter = LoraInitialisation.Create(model.Config, options.Lora, 0).ParameterCount;
        long host = sizeof(float) * adapter * (1 + (Blocks * (order == InRunOrder.Second ? 3 : 2)));
        Assert.That(planned.Bytes - taken - host, Is.InRange(0, 4000));
        Assert.That(taken - before, Is.GreaterThan(10 * 4000), "there is something to plan");
    }

    [Test]
    public void Records_of_a_step_in_several_passes_are_worth_the_same_bit_for_bit([Values] bool normalised, [Values(1, 2)] int accumulation)
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        TokenizedExample[] few = [Validation[0]]; // one pass, whatever its rows
        TokenizedExample silent = Records[2] with { Id = "silent", Labels = [.. Records[2].Labels.Select(_ => TokenizedExample.Ignored)] };
        InRunOptions options = Options with { Normalised = normalised, Training = Options.Training with { GradientAccumulation = accumulation } };
        InRunResult Of(int rows) => new InRunValues(model, [.. Records[..2], silent, .. Records[3..]], few, options with { MaxRows = rows }).Measure();
        InRunResult whole = Of(8192), single = Of(1);
        Assert.Multiple(() =>
        {
            Assert.That(single.Values, Is.EqualTo(whole.Values));
            Assert.That(single.After, Is.EqualTo(whole.After));
            Assert.That(single.Losses, Is.EqualTo(whole.Losses).Within(1e-12));
            Assert.That(whole.Values[2].Value, Is.Zero);
        });
    }

    [Test]
    public void Less_memory_makes_smaller_passes_down_to_one_record()
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        int longest = Records.Concat(Validation).Max(example => example.InputIds.Length);
        InRunMemory roomy = Plan(backend, model, Options);
        string least = Assert.Throws<InvalidInputException>(() => Plan(backend, model, Options, 1000))!.Message;
        long bytes = long.Parse(Regex.Match(least, "^--memory-budget: expected at least ([0-9]+) bytes, for one record a pass; .*, got 1000$").Groups[1].Value, CultureInfo.InvariantCulture);
        InRunMemory tight = Plan(backend, model, Options, bytes), between = Plan(backend, model, Options, (bytes + roomy.Bytes) / 2);
        Assert.Multiple(() =>
        {
            Assert.That((roomy.MaxRows, tight.MaxRows, tight.Bytes), Is.EqualTo((8192, longest, bytes)));
            Assert.That(between.MaxRows, Is.GreaterThan(longest).And.LessThan(8192));
            Assert.That(between.Bytes, Is.InRange(bytes + 1, (bytes + roomy.Bytes) / 2));
        });
    }

    [Test]
    public void What_cannot_be_valued_is_refused_before_anything_is_planned()
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        Assert.That(
            () => InRunMemory.Plan(backend, model.Config, model.Weights.Type, Records, [], Options, long.MaxValue),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains("--validation"));
    }
}
