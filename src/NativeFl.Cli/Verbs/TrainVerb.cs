using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli.Verbs;

/// <summary>train: one LoRA adapter on one model, written as a PEFT folder.</summary>
internal static class TrainVerb
{
    public static Verb Verb => new(
        "train",
        "Fine-tune a LoRA adapter",
        [
            DataFlags.Model, DataFlags.Data, .. TrainingFlags.Adapter, .. TrainingFlags.Optimiser, TrainingFlags.ProximalMu, .. DataFlags.Prompt,
            .. EvaluationFlags.DuringTraining, PartitionFlags.Partition, PartitionFlags.Client, PartitionFlags.Round,
            TrainingFlags.Resume, TrainingFlags.SaveEvery, OutputFlags.SaveType, OutputFlags.Folder,
        ],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        ResumableFolder output = ResumableFolder.Claim(run);
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        AdapterFolderContent? start = TrainingSetup.Start(run, input);
        PartitionedData data = PartitionedData.Load(run, input);
        LoraOptions lora = TrainingSetup.Lora(run, input.Config.Without(data.Dropped), data.Rank, data.Alpha);
        AdapterWeights? initial = start?.Weights.Without(data.Dropped);
        if (initial?.Modules.Count == 0)
            throw new InvalidInputException(run.Flags.Source(TrainingFlags.InitialAdapter), "an adapter on layers that the client keeps", "none of them");
        double dropout = start?.Settings.Dropout ?? run.Get(TrainingFlags.LoraDropout);
        TrainingOptions options = TrainingSetup.Options(run, dropout);
        _ = options.StepsFor(data.Examples.Count, run.Flags.Source(TrainingFlags.Epochs));
        HeldOutSet? heldOut = EvaluationFlags.HeldOut(run, input.Config, input.Tokenizer);
        if (start is not null) NoteOverridden(run);
        output.Identify(new RunIdentity(run, input.WeightType, Dataset.Hash(data.Examples)));

        using Transformer model = input.Load(without: data.Dropped);
        var task = new ClientTask
        {
            Id = run.Verb.Name,
            Seed = data.Seed,
            Examples = data.Examples,
            Initial = initial ?? LoraInitialisation.Create(model.Config, lora, data.Seed),
            Options = options,
        };
        output.Begin();
        var settings = new AdapterSettings
        {
            Dropout = dropout,
            UseRsLora = start?.Settings.UseRsLora ?? lora.UseRsLora,
            BaseModel = run.Get(DataFlags.Model),
            LayerCount = model.Config.LayerCount,
        };
        return Train(run, output, model, task, settings, heldOut);
    }

    private static JsonObject Train(
        VerbRun run, ResumableFolder output, Transformer model, ClientTask task, AdapterSettings settings, HeldOutSet? heldOut)
    {
        long started = Stopwatch.GetTimestamp();
        int every = run.Get(TrainingFlags.SaveEvery);
        var trainer = new AdapterTrainer(model, new TrainerOptions
        {
            CheckpointFolder = output.Checkpoint,
            CheckpointEvery = every == 0 ? int.MaxValue : every,
        });
        using var progress = new TrainingProgress(run, output.Path, model, heldOut);
        ClientUpdate update = trainer.Train([task], observer: progress, cancellation: run.Cancellation)[0];
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (update.Diverged) throw new RunFailedException($"training diverged at step {update.Losses.Count}: the loss or its gradient is not finite");
        progress.Finish(update);

        AdapterFolder.Save(output.Path, update.Adapter, settings);
        JsonObject result = TrainingResult.Json(update, seconds, progress.Last);
        output.Complete(result);
        run.Print(string.Create(
            CultureInfo.InvariantCulture, $"{output.Path}: {update.Steps} steps, loss {update.Losses[0]:0.0000} -> {update.Losses[^1]:0.0000}, {update.Tokens / seconds:0} tokens/s"));
        return result;
    }

    private static void NoteOverridden(VerbRun run)
    {
        foreach (IFlag flag in new IFlag[] { TrainingFlags.Rank, TrainingFlags.Alpha, TrainingFlags.TargetModules, TrainingFlags.LoraDropout, TrainingFlags.UseRsLora })
        {
            if (run.Flags.Has(flag)) run.Note($"{flag.Name}: the configuration of --init-adapter wins");
        }
    }
}
