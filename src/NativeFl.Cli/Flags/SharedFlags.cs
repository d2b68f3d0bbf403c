namespace NativeFl.Cli.Flags;

/// <summary>The flags that every verb has.</summary>
internal static class SharedFlags
{
    public static Flag<string> Device { get; } = new("--device", DeviceType, "auto", "where to compute: auto, cpu or cuda[:n]");

    public static Flag<string> CudaLibraries { get; } = new(
        "--cuda-libraries", FlagTypes.Folder, "", "a folder to look in first for the CUDA driver, NVRTC and cuBLASLt");

    public static Flag<string> Type { get; } = new(
        "--dtype", FlagTypes.Choice("f32", "bf16"), "", "how weights, and on CUDA activations, are held while running [bf16 on CUDA and where the files are bf16, else f32]");

    public static Flag<string> Attention { get; } = new(
        "--attention", FlagTypes.Choice("mma", "wgmma"), "mma", "which tensor-core instructions attention uses on CUDA: mma, or wgmma of compute capability 9.0 [mma]");

    public static Flag<string> Blas { get; } = new(
        "--blas", FlagTypes.Choice("none", "openblas"), "none", "whose matrix product: NativeFl's own or an installed OpenBLAS [none]");

    public static Flag<ulong> Seed { get; } = new("--seed", FlagTypes.Seed, 0, "the seed of everything random [0]");

    public static Flag<bool> Json { get; } = new("--json", FlagTypes.Switch, false, "print exactly one JSON object on stdout");

    public static Flag<bool> Quiet { get; } = new("--quiet", FlagTypes.Switch, false, "print nothing but the result");

    public static Flag<string> Recipe { get; } = new(
        "--recipe", FlagTypes.File, "", "a JSON file of flags without dashes, in camel case; flags on the command line override it");

    public static Flag<string> Out { get; } = new("--out", FlagTypes.Target, "", "the folder to write; it appears when the work is complete");

    public static Flag<bool> Force { get; } = new("--force", FlagTypes.Switch, false, "replace what --out already holds");

    /// <summary>Flags of every verb, in the order --help lists them.</summary>
    public static IReadOnlyList<IFlag> All => [Device, CudaLibraries, Type, Attention, Blas, Seed, Json, Quiet, Recipe, Out, Force];

    private static FlagType<string> DeviceType => new(
        "auto|cpu|cuda[:n]", FlagShape.Text,
        t => t.Single is "auto" or "cpu" or "cuda" || (t.Single.StartsWith("cuda:", StringComparison.Ordinal) && IsIndex(t.Single[5..]))
            ? t.Single
            : throw t.Error("auto, cpu, cuda or cuda:n"),
        v => v);

    private static bool IsIndex(string text) => text.Length is > 0 and < 4 && text.All(char.IsAsciiDigit);
}
