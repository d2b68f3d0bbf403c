namespace NativeFl.Cli.Flags;

/// <summary>The flags that make train do what one client of a federation did.</summary>
internal static class PartitionFlags
{
    public static Flag<string> Partition { get; } = new(
        "--partition", FlagTypes.File, "", "a partition.json that federate wrote: train on the records of one of its clients");

    public static Flag<int?> Client { get; } = new("--client", FlagTypes.OptionalInt(0), null, "which client of --partition");

    public static Flag<int> Round { get; } = new("--round", FlagTypes.Int(1), 1, "which round of --partition the seed is for [1]");
}
