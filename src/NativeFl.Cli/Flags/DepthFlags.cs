namespace NativeFl.Cli.Flags;

/// <summary>The flags that make clients of a federation shallower than the base.</summary>
internal static class DepthFlags
{
    public static Flag<string> ClientDrops { get; } = new(
        "--client-drops", FlagTypes.File, "", "JSON: by client, the drop_attn_list and drop_mlp_list of what its model goes without");

    public static Flag<IReadOnlyList<long>> MemoryBudget { get; } = new(
        "--memory-budget", FlagTypes.Sizes, [], "what a client's training may take, such as 2GiB, one for all or one a client: plans its rank and depth");

    public static Flag<int> LowestRank { get; } = new(
        "--min-rank", FlagTypes.Int(1, TrainingFlags.LargestRank), 4, "--memory-budget: layers are dropped before a rank is lowered beyond this [4]");

    public static Flag<string> DropOrder { get; } = new(
        "--drop-order", FlagTypes.Folder, "", "--memory-budget: what goes first, by what score or drop wrote [the attention layers, the last first]");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<IFlag> All => [ClientDrops, MemoryBudget, LowestRank, DropOrder];
}
