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

    public static Flag<IReadOnlyList<string>> EvalData { get; } = EvaluationFlags.EvalData with { Help = "held-out records to measure the loss on at every stage" };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<IFlag> All => [Patch, PatchData, Ridge, EvalData];

    /// <summary>Refuses flags that would do nothing, and a patch that has nothing to be fitted on.</summary>
    public static void Check(VerbRun run)
    {
        bool patches = run.Get(Patch).Length > 0;
        Require(run, patches, "--patch with it", PatchData, Ridge);
        if (patches && run.Get(PatchData).Count == 0 && run.Get(DataFlags.OptionalData).Count == 0)
            throw new InvalidInputException(run.Flags.Source(Patch), "--data or --patch-data to fit the patch on", "neither");
    }

    private static void Require(VerbRun run, bool isThere, string what, params IReadOnlyList<IFlag> flags)
    {
        if (!isThere && flags.FirstOrDefault(run.Flags.Has) is { } flag) throw new InvalidInputException(run.Flags.Source(flag), what, "none");
    }
}
