using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Finetuning;

public sealed class AdapterTrainerTests() : ModelTest("qwen2")
{
    // Gradients of the two runs differ by the order of additions only; Adam may turn that into a sign where a gradient is near zero.
    private const double Rounding = 2e-3;

    [TestCase(0.0)]
    [TestCase(0.3)]
    [TestCase(0.0, 0.3)]
    public void Training_clients_together_equals_training_them_one_by_one(params double[] dropouts)
    {
        var clients = TrainingCases.Clients(Model.Config, dropouts);
        var together = new AdapterTrainer(Model).Train(clients);
        for (int k = 0; k < clients.Length; k++)
        {
            var alone = new AdapterTrainer(Model).Train([clients[k]])[0];
            Assert.Multiple(() =>
            {
                Assert.That(together[k].Steps, Is.EqualTo(alone.Steps));
                Assert.That(together[k].Tokens, Is.EqualTo(alone.Tokens));
                Assert.That(together[k].Losses, Is.EqualTo(alone.Losses).Within(1e-4));
                Assert.That(TrainingCases.Distance(together[k].Adapter, alone.Adapter), Is.LessThan(Rounding));
                Assert.That(TrainingCases.Distance(alone.Adapter, clients[k].Initial), Is.GreaterThan(Rounding), "the client has learnt something");
            });
        }
    }

    [Test]
    public void Waves_change_nothing_beyond_rounding()
    {
        var clients = TrainingCases.Clients(Model.Config);
        var together = new AdapterTrainer(Model).Train(clients);
        var waves = new AdapterTrainer(Model, new TrainerOptions { MaxRows = 60 }).Train(clients);
        foreach (var (one, other) in together.Zip(waves)) Assert.That(TrainingCases.Distance(one.Adapter, other.Adapter), Is.LessThan(Rounding));
    }

    [Test]
    public void Threads_and_repetition_give_the_same_bits()
    {
        AdapterWeights Train(int threads)
        {
            using var backend = TrainingCases.Backend(threads);
            using var model = TrainingCases.Model(backend);
            return new AdapterTrainer(model).Train(TrainingCases.Clients(model.Config, 0.2))[2].Adapter;
        }

        var first = Train(1);
        Assert.Multiple(() =>
        {
            Assert.That(TrainingCases.Same(first, Train(1)));
            Assert.That(TrainingCases.Same(first, Train(3)));
        });
    }

    [Test]
    public void Accumulated_micro_batches_equal_one_large_batch()
    {
        var task = TrainingCases.Clients(Model.Config)[0] with { Examples = TrainingCases.Examples(8, 5) };
        var large = task with { Options = new TrainingOptions { BatchSize = 8, Steps = 3, Shuffle = false } };
        var small = task with { Options = new TrainingOptions { BatchSize = 2, GradientAccumulation = 4, Steps = 3, Shuffle = false } };
        var results = new AdapterTrainer(Model).Train([large, small]);
        Assert.Multiple(() =>
        {
            Assert.That(results[1].Losses, Is.EqualTo(results[0].Losses).Within(1e-5));
            Assert.That(TrainingCases.Distance(results[1].Adapter, results[0].Adapter), Is.LessThan(Rounding));
        });
    }

    [Test]
    public void A_client_that_diverges_leaves_and_the_others_do_not_notice()
    {
        var clients = TrainingCases.Clients(Model.Config);
        var healthy = new AdapterTrainer(Model).Train(clients);
        var poisoned = clients[1].Initial.Modules.ToDictionary(m => m.Key, m => m.Value with { A = [.. m.Value.A] });
        poisoned.Values.First().A[0] = float.NaN;
        clients[1] = clients[1] with { Initial = new AdapterWeights(poisoned) };
        var mixed = new AdapterTrainer(Model).Train(clients);
        Assert.Multiple(() =>
        {
            Assert.That(mixed[1].Diverged);
            Assert.That(mixed[1].Steps, Is.EqualTo(1), "it leaves at once");
            foreach (int k in (int[])[0, 2, 3])
            {
                Assert.That(mixed[k].Diverged, Is.False);
                Assert.That(mixed[k].Adapter.IsFinite);
                Assert.That(TrainingCases.Distance(mixed[k].Adapter, healthy[k].Adapter), Is.LessThan(Rounding));
            }
        });
    }

    [Test]
    public void An_adapter_of_rank_zero_trains_nothing_and_harms_nothing()
    {
        var clients = TrainingCases.Clients(Model.Config);
        var empty = clients[0] with { Id = "empty", Initial = LoraInitialisation.Create(Model.Config, new LoraOptions { Rank = 0 }, 1) };
        var results = new AdapterTrainer(Model).Train([empty, clients[1]]);
        Assert.Multiple(() =>
        {
            Assert.That(results[0].Adapter.Modules, Is.Empty);
            Assert.That(results[0].Losses[0], Is.GreaterThan(0));
            Assert.That(TrainingCases.Distance(results[1].Adapter, new AdapterTrainer(Model).Train([clients[1]])[0].Adapter), Is.LessThan(Rounding));
        });
    }

    [Test]
    public void The_base_is_not_changed()
    {
        float[] before = Model.ReadTensor("model.layers.1.mlp.up_proj.weight");
        new AdapterTrainer(Model).Train(TrainingCases.Clients(Model.Config));
        Assert.That(Model.ReadTensor("model.layers.1.mlp.up_proj.weight"), Is.EqualTo(before));
    }

    [Test]
    public void A_frozen_stack_beneath_equals_the_same_adapters_merged_into_the_base()
    {
        using var merged = Model.Clone();
        float[] weights = [0.25f, 0, 0.75f];
        using var stack = new AdapterStack(Model, [TrainingCases.Adapter(Model.Config, 3, 1), null, TrainingCases.Adapter(Model.Config, 5, 2)], trainable: false);
        stack.MergeInto(weights, merged);
        var client = TrainingCases.Clients(Model.Config)[0];
        var beneath = new AdapterTrainer(Model).Train([client], stack, weights)[0];
        var inside = new AdapterTrainer(merged).Train([client])[0];
        Assert.Multiple(() =>
        {
            Assert.That(beneath.Losses, Is.EqualTo(inside.Losses).Within(1e-4));
            Assert.That(TrainingCases.Distance(beneath.Adapter, inside.Adapter), Is.LessThan(Rounding));
        });
    }

    [TestCase(3, new[] { 0.1 })]
    [TestCase(10, new[] { 0.0, 0.3 }, Description = "the first wave takes eight passes")]
    public void A_cancelled_run_resumes_to_the_same_bits(int pass, double[] dropouts)
    {
        var clients = TrainingCases.Clients(Model.Config, dropouts);
        using var folder = new TemporaryFolder();
        var whole = new AdapterTrainer(Model).Train(clients);
        var trainer = new AdapterTrainer(Model, new TrainerOptions { CheckpointFolder = folder.Root, CheckpointEvery = 2 });
        using var cancellation = new CancellationTokenSource();
        var stopper = new CancelAt(pass, cancellation);
        Assert.That(() => trainer.Train(clients, observer: stopper, cancellation: cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        var resumed = trainer.Train(clients);
        for (int k = 0; k < clients.Length; k++)
        {
            Assert.That(resumed[k].Losses, Is.EqualTo(whole[k].Losses));
            Assert.That(TrainingCases.Same(resumed[k].Adapter, whole[k].Adapter), clients[k].Id);
        }
    }

    [Test]
    public void A_checkpoint_of_another_run_is_refused()
    {
        var client = TrainingCases.Clients(Model.Config)[3];
        using var folder = new TemporaryFolder();
        var options = new TrainerOptions { CheckpointFolder = folder.Root, CheckpointEvery = 1 };
        new AdapterTrainer(Model, options).Train([client]);
        Assert.That(
            () => new AdapterTrainer(Model, options).Train([client with { Seed = 99 }]),
            Throws.InstanceOf<InvalidInputException>().With.Message.Contains("wave-0.safetensors"));
    }

    private sealed class CancelAt(int pass, CancellationTokenSource source) : ITrainingObserver
    {
        private int _passes;

        public void OnStep(TrainingStep step)
        {
        }

        public void OnPass(int step, AdapterStack? stack)
        {
            if (++_passes >= pass) source.Cancel();
        }
    }
}
