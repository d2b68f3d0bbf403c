using NativeFl.LayerDropping;
using NativeFl.Tensors;

namespace NativeFl.Cli.Flags;

/// <summary>The flags that win back what a drop costs.</summary>
internal static class RecoveryFlags
{
    public static Flag<string> Patch { get; } = new(
        "--patch", FlagTypes.Choice("linear"), "", "linear: a linear map for every gap, folded into the o_proj or down_proj before it (ReplaceMe) [none]");

    public static Flag<IReadOnlyList<string>> PatchData { get; } = new(
        "--patch-data", FlagTypes.Files, [], "records that the patch is fitted on [--data]");

    public static Flag<double> Ridge { get; } = new(
        "--ridge", FlagTypes.Number("a number from 0 to 1e12", v => v is >= 0 and <= 1e12), LinearPatch.DefaultRidge,
        "how strongly the patch is held to the identity, in units of the outputs' mean square [1e-3]");

    public static Flag<IReadOnlyList<string>> Heal { get; } = new(
        "--heal", FlagTypes.Files, [], "records to fine-tune a LoRA adapter on behind the drop, which is merged into the checkpoint");

    public static Flag<IReadOnlyList<string>> EvalData { get; } = EvaluationFlags.EvalData with { Help = "held-out records to measure the loss on at every stage" };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<IFlag> All => [Patch, PatchData, Ridge, Heal, .. OfHealing, DataFlags.MaxLength, DataFlags.Packing, EvalData];

    private static IReadOnlyList<IFlag> OfHealing =>
    [
        TrainingFlags.Rank, TrainingFlags.Alpha, TrainingFlags.TargetModules, TrainingFlags.LoraDropout, TrainingFlags.UseRsLora, .. TrainingFlags.Optimiser,
    ];

    /// <summary>Refuses flags that would do nothing, and a patch that has nothing to be fitted on.</summary>
    public static void Check(VerbRun run)
    {
        bool patches = run.Get(Patch).Length > 0;
        bool heals = run.Get(Heal).Count > 0;
        Require(run, patches, "--patch with it", [PatchData, Ridge]);
        Require(run, heals, "--heal with it", OfHealing);
        Require(run, heals || run.Get(EvalData).Count > 0, "--heal or --eval-data with it", [DataFlags.MaxLength, DataFlags.Packing]);
        if (patches && run.Get(PatchData).Count == 0 && run.Get(DataFlags.OptionalData).Count == 0)
            throw new InvalidInputException(run.Flags.Source(Patch), "--data or --patch-data to fit the patch on", "neither");
    }

    private static void Require(VerbRun run, bool isThere, string what, IReadOnlyList<IFlag> flags)
    {
        if (!isThere && flags.FirstOrDefault(run.Flags.Has) is { } flag) throw new InvalidInputException(run.Flags.Source(flag), what, "none");
    }
}
