using NativeFl.LayerDropping;

namespace NativeFl.Cli.Flags;

/// <summary>The flags that say which layers are meant and what they are measured on.</summary>
internal static class LayerFlags
{
    public static Flag<string> Granularity { get; } = new(
        "--granularity", FlagTypes.Choice("attention", "mlp", "block", "joint"), "attention", "what goes as one: attention, mlp, block, joint (both kinds, one ranking) [attention]");

    public static Flag<int> Count { get; } = new("--count", FlagTypes.Int(0, 1 << 20), 0, "how many are dropped") { IsRequired = true };

    public static Flag<string> Method { get; } = new(
        "--method", FlagTypes.Choice("similarity", "greedy", "random", "first", "last"), "similarity",
        "similarity (LLM-Drop), greedy (least rise of the calibration loss), random (by --seed), first, last [similarity]");

    public static Flag<bool> Iterative { get; } = new("--iterative", FlagTypes.Switch, false, "similarity: measure again after every drop");

    public static Flag<bool> Consecutive { get; } = new("--consecutive", FlagTypes.Switch, false, "blocks by similarity: a run of neighbours");

    public static Flag<int> Samples { get; } = new(
        "--samples", FlagTypes.Int(1, 1 << 24), Calibration.DefaultSamples, "calibration samples, fewer when the data is short [256]");

    public static Flag<int?> Length { get; } = new(
        "--seq-len", FlagTypes.OptionalInt(2, 1 << 24), null, "tokens of a sample [the model's positions, at most 2048]");

    public static Flag<string> Scores { get; } = new("--scores", FlagTypes.Folder, "", "what score wrote, instead of --data");

    public static Flag<bool> KeepWeights { get; } = new("--keep-weights", FlagTypes.Switch, false, "leave the dropped weights in the files");

    public static Flag<bool> ZeroWeights { get; } = new(
        "--zero-weights", FlagTypes.Switch, false, "leave them in with o_proj and down_proj at zero, which every loader computes right");

    /// <summary>What layers are measured on.</summary>
    public static IReadOnlyList<IFlag> OfCalibration => [Samples, Length, DataFlags.PromptField, DataFlags.AnswerField, DataFlags.Template, DataFlags.TrainOnPrompt, DataFlags.NoPacking];

    /// <summary>The value of <see cref="Granularity"/>.</summary>
    public static Granularity GranularityOf(string word) => word switch
    {
        "mlp" => LayerDropping.Granularity.Mlp,
        "block" => LayerDropping.Granularity.Block,
        "joint" => LayerDropping.Granularity.Joint,
        _ => LayerDropping.Granularity.Attention,
    };

    /// <summary>The value of <see cref="Method"/>.</summary>
    public static DropMethod MethodOf(string word) => word switch
    {
        "greedy" => DropMethod.Greedy,
        "random" => DropMethod.Random,
        "first" => DropMethod.First,
        "last" => DropMethod.Last,
        _ => DropMethod.Similarity,
    };
}
