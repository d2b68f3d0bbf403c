namespace NativeFl.Cuda;

/// <summary>How much of a kernel a multiprocessor holds at once, when its shared memory is as large as it can be made.</summary>
/// <param name="Blocks">Blocks.</param>
/// <param name="Warps">Their warps.</param>
/// <param name="Share">Of the warps that it could hold.</param>
/// <param name="Bound">What there is no more of for another block: "warps", "blocks", "registers" or "shared".</param>
public sealed record Occupancy(int Blocks, int Warps, double Share, string Bound)
{
    // Registers are given to whole warps, of which each of the four schedulers has its own; a block takes a little shared memory for itself.
    private const int WarpThreads = 32, Registers = 64 << 10, Schedulers = 4, RegisterUnit = 256, SharedUnit = 128, ReservedShared = 1 << 10;

    /// <summary>The limits and units of CUDA's programming guide, "Technical Specifications per Compute Capability"; null for an architecture not among them.</summary>
    /// <param name="architecture">Compute capability, 90 for 9.0.</param>
    /// <param name="threads">Of a block.</param>
    /// <param name="registers">Of a thread.</param>
    /// <param name="sharedBytes">Of a block, static and dynamic.</param>
    internal static Occupancy? Of(int architecture, int threads, int registers, int sharedBytes)
    {
        (int mostWarps, int mostBlocks, int mostShared) = architecture switch
        {
            80 => (64, 32, 164 << 10),
            86 => (48, 16, 100 << 10),
            89 => (48, 24, 100 << 10),
            90 => (64, 32, 228 << 10),
            _ => default,
        };
        if (mostWarps == 0) return null;
        int warps = Up(threads, WarpThreads) / WarpThreads, warpsByRegisters = Registers / Schedulers / Up(registers * WarpThreads, RegisterUnit) * Schedulers;
        (int Blocks, string Name)[] bounds =
        [
            (mostWarps / warps, "warps"), (mostBlocks, "blocks"), (warpsByRegisters / warps, "registers"),
            (mostShared / Up(sharedBytes + ReservedShared, SharedUnit), "shared"),
        ];
        (int blocks, string bound) = bounds.MinBy(each => each.Blocks);
        return new Occupancy(blocks, blocks * warps, (double)(blocks * warps) / mostWarps, bound);
    }

    private static int Up(int value, int unit) => (value + unit - 1) / unit * unit;
}
