using System.Globalization;
using NativeFl.Finetuning;
using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>What the clients do between two messages from the server, simulated on this machine.</summary>
internal sealed record LocalWork(AdapterTraining Adapters, WeightTraining Weights)
{
    /// <summary>All clients of a round in one call of the trainer, so that they share the base's matrix products.</summary>
    public LocalWork(Transformer model, IFederationObserver? observer, TrainerOptions trainer)
        : this(Adapt(model, observer, trainer), TrainWhole(observer, trainer))
    {
    }

    private static AdapterTraining Adapt(Transformer model, IFederationObserver? observer, TrainerOptions trainer) =>
        (round, tasks, beside, cancellation) =>
        {
            var adapters = new AdapterTrainer(model, InFolder(trainer, round));
            ITrainingObserver? watcher = observer?.TrainingObserver(round);
            if (beside is null) return adapters.Train(tasks, observer: watcher, cancellation: cancellation);
            using var frozen = new AdapterStack(model, [beside], trainable: false);
            return adapters.Train(tasks, frozen, [1f], watcher, cancellation);
        };

    private static WeightTraining TrainWhole(IFederationObserver? observer, TrainerOptions trainer) =>
        (round, copy, id, examples, training, seed, cancellation) =>
            new FullTrainer(copy, InFolder(trainer, round, id)).Train(
                id, examples, training, seed, observer?.TrainingObserver(round), cancellation);

    private static TrainerOptions InFolder(TrainerOptions trainer, int round, string? client = null)
    {
        if (trainer.CheckpointFolder is not { } folder) return trainer;
        string name = string.Create(CultureInfo.InvariantCulture, $"round-{round:00}");
        return trainer with { CheckpointFolder = Path.Combine(folder, name, client is null ? "" : "client-" + client) };
    }
}
