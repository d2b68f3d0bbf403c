using NativeFl.Cli.Flags;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>The library's options from the flags of <see cref="TrainingFlags"/>.</summary>
internal static class TrainingSetup
{
    /// <summary>How a run steps.</summary>
    public static TrainingOptions Options(VerbRun run, double dropout)
    {
        if (run.Flags.Has(TrainingFlags.Steps) && run.Flags.Has(TrainingFlags.Epochs))
            throw new InvalidInputException(run.Flags.Source(TrainingFlags.Steps), "either --steps or --epochs", "both");
        return new TrainingOptions
        {
            BatchSize = run.Get(TrainingFlags.BatchSize),
            GradientAccumulation = run.Get(TrainingFlags.GradientAccumulation),
            Steps = run.Get(TrainingFlags.Steps),
            Epochs = run.Get(TrainingFlags.Epochs),
            LearningRate = run.Get(TrainingFlags.LearningRate),
            Schedule = run.Get(TrainingFlags.Schedule) switch
            {
                "linear" => LearningRateSchedule.Linear,
                "cosine" => LearningRateSchedule.Cosine,
                _ => LearningRateSchedule.Constant,
            },
            WarmupSteps = run.Get(TrainingFlags.Warmup),
            WeightDecay = run.Get(TrainingFlags.WeightDecay),
            GradClip = run.Get(TrainingFlags.GradientClip),
            Shuffle = !run.Get(TrainingFlags.NoShuffle),
            Dropout = dropout,
            ProximalMu = run.Flags.Flags.Any(f => f.Name == TrainingFlags.ProximalMu.Name) ? run.Get(TrainingFlags.ProximalMu) : 0,
        };
    }

    /// <summary>What --init-adapter holds, or null; one that touches nothing has nothing to train.</summary>
    public static AdapterFolderContent? Start(VerbRun run, ModelInput input)
    {
        AdapterFolderContent? start = input.Adapter(run.Get(TrainingFlags.InitialAdapter));
        return start is null || start.Weights.Modules.Count > 0
            ? start
            : throw new InvalidInputException(
                $"{run.Flags.Source(TrainingFlags.InitialAdapter)} {run.Get(TrainingFlags.InitialAdapter)}", "an adapter of rank above 0", "one that touches no module");
    }

    /// <summary>The shape of a fresh adapter.</summary>
    public static LoraOptions Lora(VerbRun run, ModelConfig config, int rank, double alpha) => new()
    {
        Rank = rank,
        Alpha = alpha,
        UseRsLora = run.Get(TrainingFlags.UseRsLora),
        Targets = Targets(run, config),
    };

    /// <summary>Which projections get an adapter; at least one of the model's must.</summary>
    public static TargetModules Targets(VerbRun run, ModelConfig config)
    {
        if (run.Get(TrainingFlags.TargetModules) is not { } text) return TargetModules.All;
        TargetModules targets = TargetModules.Parse(text);
        if (!config.Modules().Any(targets.Matches))
            throw new InvalidInputException(run.Flags.Source(TrainingFlags.TargetModules), "at least one projection of the model", $"'{text}'");
        return targets;
    }
}
