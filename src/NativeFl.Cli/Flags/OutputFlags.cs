using NativeFl.Tensors;

namespace NativeFl.Cli.Flags;

/// <summary>The flags that say what is written and how.</summary>
internal static class OutputFlags
{
    /// <summary>--out of verbs that always write a folder.</summary>
    public static Flag<string> Folder { get; } = SharedFlags.Out with { IsRequired = true };

    /// <summary>--out of verbs that write one file.</summary>
    public static Flag<string> File { get; } = SharedFlags.Out with { IsRequired = true, Help = "the file to write; it appears when it is complete" };

    public static Flag<string> SaveType { get; } = new(
        "--save-dtype", FlagTypes.Choice("f32", "bf16", "f16"), "", "how a checkpoint is stored [as the base is]");

    /// <summary>A dtype by the name that the flags use; null for "".</summary>
    public static DType? TypeOf(string name) => name switch
    {
        "f32" => DType.F32,
        "bf16" => DType.BF16,
        "f16" => DType.F16,
        _ => null,
    };
}
