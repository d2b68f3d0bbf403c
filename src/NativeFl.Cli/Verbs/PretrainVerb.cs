using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli.Verbs;

/// <summary>pretrain: all weights of a model, from a checkpoint or from scratch, written as a complete checkpoint.</summary>
internal static class PretrainVerb
{
    public static Verb Verb => new(
        "pretrain",
        "Train all weights of a model, from a checkpoint or from scratch",
        [
            DataFlags.OptionalModel, PretrainSource.ConfigFile, PretrainSource.TokenizerFolder, DataFlags.Data, .. TrainingFlags.Optimiser,
            .. DataFlags.Prompt, .. EvaluationFlags.DuringTraining, TrainingFlags.Resume, TrainingFlags.SaveEvery,
            OutputFlags.SaveType, OutputFlags.Folder,
        ],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        ResumableFolder output = ResumableFolder.Claim(run);
        using PretrainSource source = PretrainSource.Open(run);
        IReadOnlyList<TokenizedExample> examples = TrainingData.Load(run, run.Get(DataFlags.Data), source.Config, source.Tokenizer);
        TrainingOptions options = TrainingSetup.Options(run, dropout: 0);
        _ = options.StepsFor(examples.Count, run.Flags.Source(TrainingFlags.Epochs));
        HeldOutSet? heldOut = EvaluationFlags.HeldOut(run, source.Config, source.Tokenizer);
        output.Identify(new RunIdentity(run, source.WeightType, Dataset.Hash(examples)));
        using Transformer model = source.Load();
        output.Begin();

        long started = Stopwatch.GetTimestamp();
        int every = run.Get(TrainingFlags.SaveEvery);
        var trainer = new FullTrainer(model, new TrainerOptions
        {
            CheckpointFolder = output.Checkpoint,
            CheckpointEvery = every == 0 ? int.MaxValue : every,
        });
        using var progress = new TrainingProgress(run, output.Path, model, heldOut);
        ClientUpdate update = trainer.Train(run.Verb.Name, examples, options, run.Seed, progress, run.Cancellation);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (update.Diverged) throw new RunFailedException($"training diverged at step {update.Losses.Count}: the loss or its gradient is not finite");
        progress.Finish(update);

        model.Save(output.Path, source.SaveType, source.TokenizerFrom, source.Dropped);
        JsonObject result = TrainingResult.Json(update, seconds, progress.Last);
        output.Complete(result);
        run.Print(string.Create(
            CultureInfo.InvariantCulture,
            $"{output.Path}: {update.Steps} steps, loss {update.Losses[0]:0.0000} -> {update.Losses[^1]:0.0000}, {update.Tokens / seconds:0} tokens/s"));
        return result;
    }
}
