using System.Globalization;

namespace NativeFl.Cli.Flags;

/// <summary>The flags of a training run: adapter, optimiser, schedule.</summary>
internal static class TrainingFlags
{
    /// <summary>What no adapter's rank is above, wherever the number comes from.</summary>
    public const int LargestRank = 65536;

    public static Flag<int> Rank { get; } = new("--rank", FlagTypes.Int(1, LargestRank), 16, "the adapter's rank r [16]");

    public static Flag<Alpha> Alpha { get; } = new("--alpha", AlphaType, new Alpha(2, true), "scaling is alpha / r: a number, or a multiple of r [2r]");

    public static Flag<string?> TargetModules { get; } = new(
        "--target-modules", FlagTypes.Text, null, "projections that get an adapter: all-linear, comma-separated names, or a pattern [all-linear]");

    public static Flag<double> LoraDropout { get; } = new(
        "--lora-dropout", FlagTypes.Number("a number from 0 to below 1", v => v is >= 0 and < 1), 0, "dropout on the adapter's input [0]");

    public static Flag<bool> UseRsLora { get; } = new("--rslora", FlagTypes.Switch, false, "scaling is alpha / √r");

    public static Flag<string> InitialAdapter { get; } = new(
        "--init-adapter", FlagTypes.Folder, "", "start from this PEFT adapter; its rank, alpha and modules win");

    public static Flag<int> BatchSize { get; } = new("--batch-size", FlagTypes.Int(1, 1 << 20), 8, "sequences a micro-batch [8]");

    public static Flag<int> GradientAccumulation { get; } = new("--grad-accum", FlagTypes.Int(1, 1 << 20), 1, "micro-batches a step [1]");

    public static Flag<int?> Steps { get; } = new("--steps", FlagTypes.OptionalInt(1), null, "optimiser steps, cycling the data; instead of --epochs");

    public static Flag<double> Epochs { get; } = new("--epochs", FlagTypes.Number("a number above 0", v => v > 0), 1, "passes over the data [1]");

    public static Flag<double> LearningRate { get; } = new("--lr", FlagTypes.Number("a number of at least 0", v => v >= 0), 3e-4, "learning rate [3e-4]");

    public static Flag<string> Schedule { get; } = new(
        "--schedule", FlagTypes.Choice("constant", "linear", "cosine"), "constant", "how the learning rate falls after the warm-up [constant]");

    public static Flag<int> Warmup { get; } = new("--warmup", FlagTypes.Int(0), 0, "steps over which the learning rate rises from 0 [0]");

    public static Flag<double> WeightDecay { get; } = new(
        "--weight-decay", FlagTypes.Number("a number of at least 0", v => v >= 0), 0, "AdamW's decoupled weight decay [0]");

    public static Flag<double> GradientClip { get; } = new(
        "--grad-clip", FlagTypes.Number("a number of at least 0", v => v >= 0), 1, "largest norm of the gradient; 0 = off [1]");

    public static Flag<bool> NoShuffle { get; } = new("--no-shuffle", FlagTypes.Switch, false, "keep the order of the files");

    public static Flag<double> ProximalMu { get; } = new(
        "--prox-mu", FlagTypes.Number("a number of at least 0", v => v >= 0), 0, "FedProx: μ/2 · ‖adapter − start‖² in the loss [0]");

    public static Flag<bool> Resume { get; } = new("--resume", FlagTypes.Switch, false, "go on from the checkpoint that --out holds");

    public static Flag<int> SaveEvery { get; } = new("--save-every", FlagTypes.Int(0), 0, "steps between checkpoints; 0 = only when stopped [0]");

    /// <summary>Batches, steps, optimiser: what LoRA and all-weights training share.</summary>
    public static IReadOnlyList<IFlag> Optimiser =>
        [BatchSize, GradientAccumulation, Steps, Epochs, LearningRate, Schedule, Warmup, WeightDecay, GradientClip, NoShuffle];

    /// <summary>The adapter.</summary>
    public static IReadOnlyList<IFlag> Adapter => [Rank, Alpha, TargetModules, LoraDropout, UseRsLora, InitialAdapter];

    private static FlagType<Alpha> AlphaType => new(
        "X|Xr", FlagShape.NumberOrText, ParseAlpha,
        a => a.IsMultiple ? a.Value.ToString("R", CultureInfo.InvariantCulture) + "r" : a.Value);

    private static Alpha ParseAlpha(FlagText text)
    {
        bool isMultiple = text.Single.EndsWith('r');
        string number = isMultiple ? text.Single[..^1] : text.Single;
        return double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) && value > 0
            ? new Alpha(value, isMultiple)
            : throw text.Error("a number above 0, or a multiple of the rank such as 2r");
    }
}
