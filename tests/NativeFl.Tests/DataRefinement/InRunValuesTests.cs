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

public sealed class InRunValuesTests() : ModelTest("qwen2")
{
    private static readonly InRunOptions Options = new()
    {
        Lora = new LoraOptions { Rank = 2, Alpha = 4 },
        Training = new TrainingOptions { BatchSize = 3, Epochs = 2, LearningRate = 3e-3 },
        Seed = 6,
        ValidationEvery = 2,
        ValidationBlocks = 3,
    };

    private static readonly TokenizedExample[] Records = TrainingCases.Examples(7, 31);

    private static readonly TokenizedExample[] Validation = TrainingCases.Examples(5, 32);

    private static InRunResult Measure(
        InRunOptions? options = null, IReadOnlyList<TokenizedExample>? records = null, IReadOnlyList<TokenizedExample>? validation = null, int threads = 2)
    {
        using var backend = TrainingCases.Backend(threads);
        using var model = TrainingCases.Model(backend);
        return new InRunValues(model, records ?? Records, validation ?? Validation, options ?? Options).Measure();
    }

    private static double[] Of(InRunResult result) => [.. result.Values.Select(v => v.Value)];

    [Test]
    public void Values_are_those_of_the_formula_by_brute_force(
        [Values] InRunOrder order, [Values] bool normalised, [Values(1, 2)] int accumulation)
    {
        InRunOptions options = Options with
        {
            Order = order,
            Normalised = normalised,
            Training = Options.Training with { GradientAccumulation = accumulation, BatchSize = 2, GradClip = 0.5, Steps = 6, WeightDecay = 0.1, WarmupSteps = 2 },
        };
        using var reference = new InRunReference(Model, options);
        double[] expected = reference.Values(Records, Validation);
        double[] got = Of(new InRunValues(Model, Records, Validation, options).Measure());

        // The product runs on f32 values that six steps of rounding lie behind.
        Assert.That(InRunReference.Distance(got, expected), Is.LessThan(1e-4));
        Assert.That(expected.Select(v => Math.Round(v, 9)), Is.Unique);
    }

    [Test]
    public void The_training_is_the_trainers_own()
    {
        InRunResult result = new InRunValues(Model, Records, Validation, Options).Measure();
        var task = new ClientTask
        {
            Id = "plain",
            Seed = Options.Seed,
            Examples = Records,
            Initial = LoraInitialisation.Create(Model.Config, Options.Lora, Options.Seed),
            Options = Options.Training,
        };
        ClientUpdate plain = new AdapterTrainer(Model).Train([task])[0];
        using var stack = new AdapterStack(Model, [plain.Adapter], trainable: false);
        using TokenScorer before = new(Model), after = new(Model, stack);
        Assert.Multiple(() =>
        {
            Assert.That(result.Losses, Is.EqualTo(plain.Losses).Within(1e-4));
            Assert.That(result.TrainingTokens, Is.EqualTo(plain.Tokens));
            Assert.That(result.Before, Is.EqualTo(-Perplexity.Measure(before, Validation).Loss).Within(1e-5));
            Assert.That(result.After, Is.EqualTo(-Perplexity.Measure(after, Validation).Loss).Within(1e-4));
            Assert.That(result.After, Is.Not.EqualTo(result.Before).Within(1e-3), "the training has changed something");
        });
    }

    [Test]
    public void Values_of_one_step_add_up_to_its_gain_and_the_second_order_comes_closer()
    {
        // From the first step, which momentum has no part in.
        InRunOptions one = Options with { Training = Options.Training with { Steps = 1, BatchSize = 7, LearningRate = 1e-3, GradClip = 0 } };
        InRunResult first = Measure(one), second = Measure(one with { Order = InRunOrder.Second });
        double gain = first.After - first.Before;
        double Off(InRunResult result) => Math.Abs(Of(result).Sum() - gain) / Math.Abs(gain);
        Assert.Multiple(() =>
        {
            Assert.That(second.After, Is.EqualTo(first.After));
            Assert.That(Off(second), Is.LessThan(1e-3));
            Assert.That(Off(first), Is.GreaterThan(5 * Off(second)));
        });
    }

    [Test]
    public void A_record_that_teaches_nothing_is_worth_nothing_and_equal_records_of_a_batch_are_worth_the_same([Values] InRunOrder order, [Values] bool normalised)
    {
        TokenizedExample silent = Records[0] with { Id = "silent", Labels = [.. Records[0].Labels.Select(_ => TokenizedExample.Ignored)] };
        TokenizedExample[] records = [silent, Records[1], Records[1] with { Id = "twin" }, Records[3]];
        InRunOptions options = Options with { Order = order, Normalised = normalised, Training = Options.Training with { BatchSize = 4 } };
        InRunResult result = Measure(options, records);
        Assert.Multiple(() =>
        {
            Assert.That(result.Values[0], Is.EqualTo(new PlayerValue(0, 0, 2)));
            Assert.That(result.Values[2].Value, Is.EqualTo(result.Values[1].Value).Within(1e-5).Percent);
            Assert.That(result.Values[3].Value, Is.Not.EqualTo(result.Values[1].Value).Within(1).Percent);
        });
    }

    [Test]
    public void Values_are_linear_in_what_is_measured([Values] InRunOrder order)
    {
        InRunOptions options = Options with { Order = order };
        double[] a = Of(Measure(options, validation: Validation[..2])), b = Of(Measure(options, validation: Validation[2..]));
        double x = Validation[..2].Sum(ValidationGradient.Counted), y = Validation[2..].Sum(ValidationGradient.Counted);
        double[] both = Of(Measure(options));
        Assert.That(InRunReference.Distance(a.Zip(b, (p, q) => ((x * p) + (y * q)) / (x + y)), both), Is.LessThan(1e-5));
        Assert.That(InRunReference.Distance(a, both), Is.GreaterThan(0.01));
    }

    [Test]
    public void Blocks_and_rows_of_a_pass_change_nothing_but_errors()
    {
        double[] plain = Of(Measure());
        Assert.Multiple(() =>
        {
            Assert.That(InRunReference.Distance(Of(Measure(Options with { ValidationBlocks = 1 })), plain), Is.LessThan(1e-5));
            Assert.That(InRunReference.Distance(Of(Measure(Options with { MaxRows = 1, ValidationBlocks = 100 })), plain), Is.LessThan(1e-5));
            Assert.That(Measure(Options with { ValidationBlocks = 1 }).Values[0].StandardError, Is.Null);
        });
    }

    [Test]
    public void Threads_and_repetition_give_the_same_bits() =>
        Assert.That(Of(Measure(threads: 3)), Is.EqualTo(Of(Measure(threads: 1))));

    [Test]
    public void Intervals_cover_the_value_of_all_that_validation_was_drawn_from()
    {
        // The training does not see the validation records: what each would say by itself is known, and draws of them can be put together.
        const int drawn = 16, draws = 4000;
        const double student = 2.131; // 95 %, 15 degrees of freedom
        TokenizedExample[] pool = TrainingCases.Examples(60, 33);
        using var training = new InRunTraining(
            Model, Records, pool, Options with { ValidationBlocks = pool.Length, Training = Options.Training with { Steps = 2 } });
        InRunResult each = training.Run(null, null, default);
        int[] counted = [.. pool.Select(ValidationGradient.Counted)];
        double all = counted.Sum();
        var random = new Philox(5);
        int covered = 0, trials = 0;
        for (int d = 0; d < draws; d++)
        {
            int[] sample = [.. Enumerable.Range(0, drawn).Select(_ => random.NextInt32(pool.Length))];
            double tokens = sample.Sum(v => counted[v]);
            for (int z = 0; z < Records.Length; z++)
            {
                if (each.Values[z].Marginals == 0) continue;
                PlayerValue value = InRunTraining.Value([.. sample.Select(v => training.Credits(z)[v] * all / tokens)], [.. sample.Select(v => counted[v] / tokens)], 1);
                covered += Math.Abs(value.Value - each.Values[z].Value) <= student * value.StandardError!.Value ? 1 : 0;
                trials++;
            }
        }

        Assert.That((double)covered / trials, Is.InRange(0.92, 0.98));
    }

    [Test]
    public void The_cost_is_told_before_it_is_paid([Values] InRunOrder order)
    {
        var values = new InRunValues(Model, Records, Validation, Options with { Order = order });
        var told = new List<(int, int)>();
        InRunResult result = values.Measure((step, steps) => told.Add((step, steps)));
        Assert.Multiple(() =>
        {
            Assert.That(values.Steps, Is.EqualTo(6));
            Assert.That(values.Measurements, Is.EqualTo(order == InRunOrder.First ? 4 : 7));
            Assert.That(result.ValidationTokens, Is.EqualTo(values.ValidationTokens));
            Assert.That(told, Is.EqualTo(Enumerable.Range(1, 6).Select(step => (step, 6))));
        });
    }

    [Test]
    public void A_run_can_be_cancelled_and_one_that_diverges_fails()
    {
        using var stop = new CancellationTokenSource();
        var values = new InRunValues(Model, Records, Validation, Options);
        int steps = 0;
        Assert.That(() => values.Measure((step, _) => Stop(step), cancellation: stop.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(steps, Is.EqualTo(2));
        InRunOptions wild = Options with { Training = Options.Training with { LearningRate = 1e30, GradClip = 0 } };
        Assert.That(() => new InRunValues(Model, Records, Validation, wild).Measure(), Throws.TypeOf<RunFailedException>().With.Message.Contains("diverged"));

        void Stop(int step)
        {
            steps = step;
            if (step == 2) stop.Cancel();
        }
    }

    [Test]
    public void What_has_no_meaning_here_is_refused()
    {
        TokenizedExample silent = Validation[0] with { Labels = [.. Validation[0].Labels.Select(_ => TokenizedExample.Ignored)] };
        void Refused(string flag, IReadOnlyList<TokenizedExample> records, IReadOnlyList<TokenizedExample> validation, TrainingOptions training) => Assert.That(
            () => new InRunValues(Model, records, validation, Options with { Training = training }), Throws.TypeOf<InvalidInputException>().With.Message.Contains(flag));
        Assert.Multiple(() =>
        {
            Refused("--data", [], Validation, Options.Training);
            Refused("--validation", Records, [silent], Options.Training);
            Refused("--lora-dropout", Records, Validation, Options.Training with { Dropout = 0.1 });
            Refused("--proximal-mu", Records, Validation, Options.Training with { ProximalMu = 1 });
        });
    }
}
