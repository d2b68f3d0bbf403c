using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>
/// Fine-tunes LoRA adapters on one frozen base: all clients of a call that have the same depth share the base's matrix products, in waves
/// that fit <see cref="TrainerOptions.MaxRows"/>. The model is not changed.
/// </summary>
public sealed class AdapterTrainer(Transformer model, TrainerOptions? options = null)
{
    private readonly TrainerOptions _options = options ?? new TrainerOptions();

    /// <summary>Trains every client and returns their adapters in the order of <paramref name="clients"/>.</summary>
    /// <param name="clients">Any number, any ranks, any data.</param>
    /// <param name="frozen">Adapters that lie un-merged between base and clients, or null.</param>
    /// <param name="frozenWeights">The weight of each of them; 0 = skipped.</param>
    /// <param name="observer">Told of every step.</param>
    /// <param name="cancellation">Polled between steps; a cancelled run leaves a checkpoint if a folder was given.</param>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    /// <exception cref="InvalidInputException">An adapter does not fit the model, or a checkpoint does not fit the run.</exception>
    public IReadOnlyList<ClientUpdate> Train(
        IReadOnlyList<ClientTask> clients, AdapterStack? frozen = null, IReadOnlyList<float>? frozenWeights = null,
        ITrainingObserver? observer = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(clients);
        if (frozen is not null) frozen.CheckWeights(frozenWeights ?? []);
        var under = frozen is null ? null : new StackUse(frozen, frozenWeights, trains: false);
        var updates = new ClientUpdate[clients.Count];
        int wave = 0;
        foreach (int[] members in Waves(clients))
        {
            var checkpoint = _options.CheckpointFolder is { } folder
                ? new TrainingCheckpoint(Path.Combine(folder, $"wave-{wave++}.safetensors"), _options.CheckpointEvery, () => Start(clients, members))
                : null;
            var results = TrainWave([.. members.Select(i => clients[i])], under, checkpoint, observer, cancellation);
            for (int i = 0; i < members.Length; i++) updates[members[i]] = results[i];
        }

        return updates;
    }

    /// <summary>
    /// Clients that train in one pass: those of equal dropout that go without the same sublayers, in the order of the list, as many as fit
    /// the row budget. A client with nothing to train (no modules of rank above 0) is no work and joins any such wave.
    /// </summary>
    private IEnumerable<int[]> Waves(IReadOnlyList<ClientTask> clients)
    {
        foreach (var equal in Enumerable.Range(0, clients.Count).GroupBy(i => (clients[i].Options.Dropout, clients[i].Dropped)))
        {
            var wave = new List<int>();
            long rows = 0;
            foreach (int i in equal)
            {
                var task = clients[i];
                long largest = task.Examples.Select(e => (long)e.InputIds.Length).OrderDescending().Take(task.Options.BatchSize).Sum();
                if (wave.Count > 0 && rows + largest > _options.MaxRows)
                {
                    yield return [.. wave];
                    wave.Clear();
                    rows = 0;
                }

                wave.Add(i);
                rows += largest;
            }

            if (wave.Count > 0) yield return [.. wave];
        }
    }

    /// <summary>What a wave starts from: the base's type and depth, and a hash of the adapters with their scalings.</summary>
    private string Start(IReadOnlyList<ClientTask> clients, int[] members)
    {
        DroppedSublayers dropped = clients[members[0]].Dropped;
        return $"adapters {TrainingCheckpoint.HashOf(members.Select(i => clients[i].Initial))} on a base in {model.Weights.Type}" + (dropped.Count == 0 ? "" : $" without {dropped}");
    }

    private ClientUpdate[] TrainWave(
        ClientTask[] tasks, StackUse? under, TrainingCheckpoint? checkpoint, ITrainingObserver? observer, CancellationToken cancellation)
    {
        using Transformer view = model.Without(tasks[0].Dropped);
        using var stack = new AdapterStack(view, [.. tasks.Select(t => t.Initial)], trainable: true);
        var clients = tasks.Select(t => new TrainingClient(t.Id, t.Seed, t.Examples, t.Options)).ToArray();
        var trained = new TrainedValues(stack.Flat, stack.Ranges, stack, Gradients: null, Publish: null);
        using var run = new TrainingRun(view, clients, trained, under);
        run.ToTheEnd(checkpoint, observer, cancellation);
        return [.. clients.Select((c, k) => new ClientUpdate(c.Id, stack.Export(k), c.Losses, c.Tokens, c.Diverged))];
    }
}
