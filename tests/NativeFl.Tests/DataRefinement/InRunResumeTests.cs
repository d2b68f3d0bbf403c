using System.Text;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Finetuning;

namespace NativeFl.Tests.DataRefinement;

/// <summary>Whatever stops a training that values are taken from, it ends with the same values, bit for bit.</summary>
public sealed class InRunResumeTests
{
    private static readonly TokenizedExample[] Records = TrainingCases.Examples(7, 31), Validation = TrainingCases.Examples(5, 32);

    private string _folder = null!;
    private CpuBackend _backend = null!;
    private Transformer _model = null!;

    private InRunOptions Options => new()
    {
        Lora = new LoraOptions { Rank = 2, Alpha = 4 },
        Training = new TrainingOptions { BatchSize = 3, Epochs = 2, LearningRate = 3e-3 },
        Seed = 6,
        ValidationEvery = 2,
        ValidationBlocks = 3,
        Checkpoint = Path.Combine(_folder, "state", "in-run.safetensors"),
    };

    [SetUp]
    public void Open()
    {
        _folder = Directory.CreateTempSubdirectory("nativefl-test-").FullName;
        _backend = TrainingCases.Backend();
        _model = TrainingCases.Model(_backend);
    }

    [TearDown]
    public void Close()
    {
        _model.Dispose();
        _backend.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    // Of six steps; the validation gradient is measured before the first, third and fifth, or after each, and at the end.
    [Test]
    public void A_stopped_training_goes_on_from_the_step_that_it_was_at([Values] InRunOrder order, [Values(1, 2, 3, 6)] int stopAt)
    {
        InRunOptions options = Options with { Order = order };
        InRunResult whole = Values(options with { Checkpoint = null }).Measure();
        using var stop = new CancellationTokenSource();
        void Run() => Values(options).Measure((step, _) => StopAt(step), cancellation: stop.Token);
        bool ends = stopAt == 6 && order == InRunOrder.Second; // which has nothing left to measure then
        Assert.That(Run, ends ? Throws.Nothing : Throws.InstanceOf<OperationCanceledException>());
        if (ends) return;

        int from = 0;
        var told = new List<int>();
        InRunResult resumed = Values(options).Measure((step, _) => told.Add(step), step => from = step);
        Assert.That(from, Is.EqualTo(stopAt));
        Assert.That(told, Is.EqualTo(Enumerable.Range(stopAt + 1, 6 - stopAt)), "no step is made twice");
        AssertSame(resumed, whole);

        void StopAt(int step)
        {
            if (step == stopAt) stop.Cancel();
        }
    }

    [Test]
    public void A_killed_training_goes_on_from_its_last_state([Values] InRunOrder order)
    {
        InRunOptions options = Options with { Order = order, Normalised = true, CheckpointEvery = 3 };
        InRunResult whole = Values(options with { Checkpoint = null }).Measure();
        Assert.That(() => Values(options).Measure((step, _) => Kill(step)), Throws.TypeOf<InvalidTimeZoneException>());
        int from = 0;
        AssertSame(Values(options).Measure(onResume: step => from = step), whole);
        Assert.That(from, Is.EqualTo(3));

        static void Kill(int step)
        {
            if (step == 5) throw new InvalidTimeZoneException();
        }
    }

    private static IEnumerable<TestCaseData<Func<InRunOptions, InRunOptions>, string>> Changes()
    {
        static TestCaseData<Func<InRunOptions, InRunOptions>, string> Change(Func<InRunOptions, InRunOptions> change, string says) =>
            new TestCaseData<Func<InRunOptions, InRunOptions>, string>(change, says).SetArgDisplayNames(says);
        yield return Change(o => o with { Seed = 7 }, "adapter");
        yield return Change(o => o with { Lora = o.Lora with { Alpha = 5 } }, "adapter");
        yield return Change(o => o with { Order = InRunOrder.Second }, "Second order");
        yield return Change(o => o with { Normalised = true }, "normalised");
        yield return Change(o => o with { ValidationBlocks = 2 }, "2 blocks");
        yield return Change(o => o with { ValidationEvery = 3 }, "every 3 steps");
        yield return Change(o => o with { MaxRows = 64 }, "64 rows");
        yield return Change(o => o with { Training = o.Training with { LearningRate = 1e-3 } }, "rate 0.001");
    }

    [TestCaseSource(nameof(Changes))]
    public void That_of_another_training_is_refused(Func<InRunOptions, InRunOptions> change, string says)
    {
        Stop();
        Assert.That(() => Values(change(Options)).Measure(), Refused(says));
        Assert.That(() => Values(Options).Measure(), Throws.Nothing, "the run itself goes on");
    }

    [Test]
    public void That_of_other_records_or_other_validation_records_is_refused()
    {
        Stop();
        Assert.That(() => new InRunValues(_model, [.. Records.Reverse()], Validation, Options).Measure(), Refused("examples"));
        Assert.That(() => new InRunValues(_model, Records, [.. Validation.Reverse()], Options).Measure(), Refused("valued on"));
    }

    [Test]
    public void A_state_without_its_credits_is_refused()
    {
        Stop();
        byte[] file = File.ReadAllBytes(Options.Checkpoint!);
        int at = file.AsSpan().IndexOf(Encoding.UTF8.GetBytes("Drawn"));
        Assert.That(at, Is.GreaterThan(0));
        file[at] = (byte)'d';
        File.WriteAllBytes(Options.Checkpoint!, file);
        Assert.That(() => Values(Options).Measure(), Refused("credits"));
    }

    private static NUnit.Framework.Constraints.ContainsConstraint Refused(string says) =>
        Throws.InstanceOf<InvalidInputException>().With.Message.Contains("in-run.safetensors").And.Message.Contains(says);

    private InRunValues Values(InRunOptions options) => new(_model, Records, Validation, options);

    private void Stop()
    {
        using var stop = new CancellationTokenSource();
        Assert.That(() => Values(Options).Measure((_, _) => stop.Cancel(), cancellation: stop.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    private static void AssertSame(InRunResult got, InRunResult expected) => Assert.Multiple(() =>
    {
        Assert.That(got.Values, Is.EqualTo(expected.Values));
        Assert.That((got.Before, got.After, got.TrainingTokens, got.ValidationTokens), Is.EqualTo((expected.Before, expected.After, expected.TrainingTokens, expected.ValidationTokens)));
        Assert.That(got.Losses, Is.EqualTo(expected.Losses));
    });
}
