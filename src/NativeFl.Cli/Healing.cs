using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>--heal: what train and merge do, on a model that has just lost layers.</summary>
internal sealed class Healing
{
    private readonly VerbRun _run;
    private readonly IReadOnlyList<TokenizedExample> _examples;
    private readonly TrainingOptions _options;
    private AdapterWeights? _adapter;

    private Healing(VerbRun run, IReadOnlyList<TokenizedExample> examples, TrainingOptions options) => (_run, _examples, _options) = (run, examples, options);

    /// <summary>Reads what the flags name; null without --heal.</summary>
    public static Healing? Load(VerbRun run, ModelInput input)
    {
        IReadOnlyList<string> files = run.Get(RecoveryFlags.Heal);
        if (files.Count == 0) return null;
        TrainingOptions options = TrainingSetup.Options(run, run.Get(TrainingFlags.LoraDropout));
        _ = TrainingSetup.Targets(run, input.Config);
        IReadOnlyList<TokenizedExample> examples = TrainingData.Load(run, files, input.Config, input.Tokenizer);
        _ = options.StepsFor(examples.Count, run.Flags.Source(TrainingFlags.Epochs));
        return new Healing(run, examples, options);
    }

    /// <summary>Trains an adapter and merges it.</summary>
    /// <param name="model">The model, its weights are changed.</param>
    /// <param name="storage">What the checkpoint will be stored as, for the price of rounding.</param>
    /// <param name="folder">Where metrics.jsonl goes.</param>
    /// <returns>What train reports, and the rounding that merge reports.</returns>
    public JsonObject Apply(Transformer model, DType storage, string folder)
    {
        long started = Stopwatch.GetTimestamp();
        int rank = _run.Get(TrainingFlags.Rank);
        LoraOptions lora = TrainingSetup.Lora(_run, model.Config, rank, _run.Get(TrainingFlags.Alpha).Of(rank));
        var task = new ClientTask
        {
            Id = _run.Verb.Name,
            Seed = _run.Seed,
            Examples = _examples,
            Initial = LoraInitialisation.Create(model.Config, lora, _run.Seed),
            Options = _options,
        };
        using var progress = new TrainingProgress(_run, folder, model, heldOut: null);
        ClientUpdate update = new AdapterTrainer(model).Train([task], observer: progress, cancellation: _run.Cancellation)[0];
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (update.Diverged) throw new RunFailedException($"healing diverged at step {update.Losses.Count}: the loss or its gradient is not finite");
        JsonObject result = TrainingResult.Json(update, seconds, heldOut: null);
        _adapter = update.Adapter;
        result["rounding"] = JsonOutput.Number(AdapterMerge.Into(model, _adapter, storage));
        _run.Print(string.Create(
            CultureInfo.InvariantCulture, $"healed: {update.Steps} steps, loss {update.Losses[0]:0.0000} -> {update.Losses[^1]:0.0000}, {update.Tokens / seconds:0} tokens/s"));
        return result;
    }

    /// <summary>Merges what <see cref="Apply"/> trained into another model.</summary>
    public void ApplyAgain(Transformer model, DType storage) => AdapterMerge.Into(model, _adapter!, storage);
}
