using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.DataRefinement;
using NativeFl.Tests.Finetuning;

namespace NativeFl.Cuda.Tests;

/// <summary>Values of records that are taken during a training on the device are those of their formula.</summary>
internal sealed class CudaInRunValuesTests
{
    [SetUp]
    public void Require() => CommandLineDevice.Require();

    [Test]
    public void They_are_those_of_the_formula_by_brute_force([Values] InRunOrder order)
    {
        var options = new InRunOptions
        {
            Lora = new LoraOptions { Rank = 2 },
            Training = new TrainingOptions { BatchSize = 2, Steps = 4, WarmupSteps = 2, LearningRate = 3e-3 },
            Seed = 3,
            Order = order,
            ValidationEvery = 2,
            ValidationBlocks = 2,
        };
        TokenizedExample[] records = TrainingCases.Examples(4, 41), validation = TrainingCases.Examples(2, 42);
        using CudaBackend backend = CudaBackend.Create(TestDevice.Options! with { ActivationType = DType.F32 });
        using Transformer model = TrainingCases.Model(backend);
        using var reference = new InRunReference(model, options);
        double[] expected = reference.Values(records, validation);
        double[] got = [.. new InRunValues(model, records, validation, options).Measure().Values.Select(v => v.Value)];

        // Where the gradients of two records all but cancel each other out, AdamW's first step divides by their rounding: a warm-up from 0 gives it no weight.
        Assert.That(InRunReference.Distance(got, expected), Is.LessThan(1e-4));
        Assert.That(expected, Has.Some.Not.EqualTo(expected[0]).Within(0.1 * InRunReference.Norm(expected)));
    }

    [Test]
    public void A_stopped_training_goes_on_to_the_same_bits_and_takes_what_was_planned()
    {
        string folder = Directory.CreateTempSubdirectory("nativefl-test-").FullName;
        try
        {
            var options = new InRunOptions
            {
                Lora = new LoraOptions { Rank = 2 },
                Training = new TrainingOptions { BatchSize = 2, Steps = 3, LearningRate = 3e-3 },
                ValidationEvery = 2,
                ValidationBlocks = 2,
                MaxRows = 1,
                Checkpoint = Path.Combine(folder, "in-run.safetensors"),
            };
            TokenizedExample[] records = TrainingCases.Examples(4, 41), validation = TrainingCases.Examples(2, 42);
            using CudaBackend backend = CudaBackend.Create(TestDevice.Options! with { ActivationType = DType.F32 });
            using Transformer model = TrainingCases.Model(backend);
            InRunMemory planned = InRunMemory.Plan(backend, model.Config, model.Weights.Type, records, validation, options, long.MaxValue);
            long taken = 0;
            InRunResult whole = new InRunValues(model, records, validation, options with { Checkpoint = null }).Measure((_, _) => taken = backend.AllocatedBytes);
            using var stop = new CancellationTokenSource();
            Assert.That(() => new InRunValues(model, records, validation, options).Measure((_, _) => stop.Cancel(), cancellation: stop.Token), Throws.InstanceOf<OperationCanceledException>());
            int from = 0;
            InRunResult resumed = new InRunValues(model, records, validation, options).Measure(onResume: step => from = step);
            Assert.That(from, Is.EqualTo(1));
            Assert.That(resumed.Values, Is.EqualTo(whole.Values));
            Assert.That(taken, Is.InRange(planned.Bytes / 2, planned.Bytes));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
