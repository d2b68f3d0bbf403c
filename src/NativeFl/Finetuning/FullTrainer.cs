using NativeFl.Data;
using NativeFl.Models;

namespace NativeFl.Finetuning;

/// <summary>
/// Trains all weights of a model in place: full fine-tuning (the papers' baseline) and pretraining of small models. Masters, gradients
/// and moments are f32 (16 bytes a weight beside the model); the model sees the masters rounded to its storage type.
/// </summary>
public sealed class FullTrainer(Transformer model, TrainerOptions? options = null)
{
    private readonly TrainerOptions _options = options ?? new TrainerOptions();

    /// <summary>Trains and returns the losses; <see cref="ClientUpdate.Adapter"/> is empty.</summary>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public ClientUpdate Train(
        string id, IReadOnlyList<TokenizedExample> examples, TrainingOptions training, ulong seed,
        ITrainingObserver? observer = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(training);
        var layout = model.Weights.Layout;
        using var flat = new FlatParameters(model.Backend, layout.ParameterCount, trainable: true, segments: 1);
        var client = new TrainingClient(id, seed, examples, training);
        var masters = new MasterWeights(model, flat);
        masters.Read();
        var trained = new TrainedValues(flat, masters.Ranges, Stack: null, new WeightGradients(layout, () => flat.Gradients), masters.Write);
        using var run = new TrainingRun(model, [client], trained, frozen: null);
        var checkpoint = _options.CheckpointFolder is { } folder
            ? new TrainingCheckpoint(Path.Combine(folder, "weights.safetensors"), _options.CheckpointEvery, () => $"weights in {model.Weights.Type}")
            : null;
        run.ToTheEnd(checkpoint, observer, cancellation);
        return new ClientUpdate(id, new AdapterWeights(new Dictionary<ModuleId, LoraFactors>()), client.Losses, client.Tokens, client.Diverged);
    }
}
