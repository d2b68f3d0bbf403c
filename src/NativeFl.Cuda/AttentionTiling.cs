using NativeFl.Cuda.Streams;
using NativeFl.Tensors;

namespace NativeFl.Cuda;

/// <summary>
/// The tile that an entry point of kernels/attention.cu, attention_decode.cu or attention_backward.cu was instantiated with: a block of so
/// many warps owns some rows or keys and walks over the others, a few at a time. The numbers are those at the end of the files, chosen so
/// that a block fits the 99 KiB of shared memory of the smallest device and no register spills. Those of attention_wgmma.cu and
/// attention_wgmma_backward.cu take most of an sm_90's 227 KiB, and four of their warps copy.
/// </summary>
/// <param name="Entry">The entry point.</param>
/// <param name="Width">Head width padded.</param>
/// <param name="Warps">Warps of a block.</param>
/// <param name="Own">Rows (keys) that a block owns.</param>
/// <param name="Walk">Keys (rows) of a tile that it walks over.</param>
/// <param name="SharedBytes">Dynamic shared memory.</param>
internal readonly record struct AttentionTiling(string Entry, int Width, int Warps, int Own, int Walk, int SharedBytes)
{
    // Places of a ring: tile_ring.cuh. A place has a barrier that it is full and one that it is empty.
    private const int ForwardStages = 2, BackwardStages = 3, BarrierBytes = 2 * sizeof(ulong);

    /// <summary>The kernel file.</summary>
    public string File =>
        Is("wgmma_forward") ? "attention_wgmma"
        : Is("wgmma") ? "attention_wgmma_backward"
        : Is("forward") ? "attention"
        : Is("split") ? "attention_decode"
        : "attention_backward";

    /// <summary>Whether the kernels of sm_90a serve such heads: whole vectors, and no more padding than half of the head.</summary>
    public static bool HasWgmma(DType type, int headWidth) => type == DType.BF16 && headWidth is > 32 and <= 128 && headWidth % 8 == 0;

    /// <summary>q, and two tiles each of k and v.</summary>
    public static AttentionTiling WgmmaForward(int headWidth)
    {
        AttentionTiling tiling = headWidth <= 64 ? new("attention_wgmma_forward_64_bf16", 64, 16, 192, 128, 0) : new("attention_wgmma_forward_128_bf16", 128, 12, 128, 128, 0);
        return tiling.WithRing(tiling.Own + (2 * ForwardStages * tiling.Walk), 2 * ForwardStages * BarrierBytes);
    }

    /// <summary>k and v, three tiles of q and dO, of lse and of delta.</summary>
    public static AttentionTiling WgmmaBackwardKeys(int headWidth)
    {
        AttentionTiling tiling = headWidth <= 64 ? new("attention_wgmma_keys_64_bf16", 64, 12, 128, 64, 0) : new("attention_wgmma_keys_128_bf16", 128, 12, 128, 64, 0);
        return tiling.WithRing((2 * tiling.Own) + (2 * BackwardStages * tiling.Walk), BackwardStages * ((2 * tiling.Walk * sizeof(float)) + BarrierBytes));
    }

    /// <summary>q and dO, three tiles of k and v.</summary>
    public static AttentionTiling WgmmaBackwardQueries(int headWidth)
    {
        AttentionTiling tiling = headWidth <= 64 ? new("attention_wgmma_queries_64_bf16", 64, 12, 128, 128, 0) : new("attention_wgmma_queries_128_bf16", 128, 12, 128, 64, 0);
        return tiling.WithRing((2 * tiling.Own) + (2 * BackwardStages * tiling.Walk), BackwardStages * BarrierBytes);
    }

    /// <summary>q, and a tile of k and one of v.</summary>
    public static AttentionTiling Forward(DType type, int headWidth)
    {
        AttentionTiling tiling = (type, headWidth) switch
        {
            (DType.BF16, <= 32) => new("attention_forward_32_bf16", 32, 4, 128, 64, 0),
            (DType.BF16, <= 64) => new("attention_forward_64_bf16", 64, 4, 128, 64, 0),
            (DType.BF16, <= 128) => new("attention_forward_128_bf16", 128, 4, 64, 64, 0),
            (DType.BF16, _) => new("attention_forward_256_bf16", 256, 4, 64, 64, 0),
            (_, <= 32) => new("attention_forward_32_f32", 32, 4, 64, 64, 0),
            (_, <= 64) => new("attention_forward_64_f32", 64, 4, 64, 64, 0),
            (_, <= 128) => new("attention_forward_128_f32", 128, 4, 64, 32, 0),
            _ => new("attention_forward_256_f32", 256, 2, 32, 16, 0),
        };
        return tiling.WithShared(type, tiling.Own + (2 * tiling.Walk), 0);
    }

    /// <summary>The same for a share of the keys, by kernels/attention_decode.cu. Where o takes the most registers, tiles of keys are half as large.</summary>
    public static AttentionTiling Split(DType type, int headWidth)
    {
        AttentionTiling tiling = Forward(type, headWidth);
        int walk = (type, tiling.Width) == (DType.BF16, 256) ? 32 : tiling.Walk;
        return (tiling with { Entry = tiling.Entry.Replace("forward", "split", StringComparison.Ordinal), Walk = walk }).WithShared(type, tiling.Own + (2 * walk), 0);
    }

    /// <summary>k and v, two tiles of q and dO, of lse and of delta.</summary>
    public static AttentionTiling BackwardKeys(DType type, int headWidth)
    {
        AttentionTiling tiling = (type, headWidth) switch
        {
            (DType.BF16, <= 32) => new("attention_backward_keys_32_bf16", 32, 4, 64, 64, 0),
            (DType.BF16, <= 64) => new("attention_backward_keys_64_bf16", 64, 4, 64, 64, 0),
            (DType.BF16, <= 128) => new("attention_backward_keys_128_bf16", 128, 4, 64, 32, 0),
            (DType.BF16, _) => new("attention_backward_keys_256_bf16", 256, 4, 32, 16, 0),
            (_, <= 32) => new("attention_backward_keys_32_f32", 32, 4, 64, 32, 0),
            (_, <= 64) => new("attention_backward_keys_64_f32", 64, 4, 64, 32, 0),
            (_, <= 128) => new("attention_backward_keys_128_f32", 128, 4, 32, 16, 0),
            _ => new("attention_backward_keys_256_f32", 256, 2, 16, 8, 0),
        };
        return tiling.WithShared(type, (2 * tiling.Own) + (4 * tiling.Walk), 4 * tiling.Walk * sizeof(float));
    }

    /// <summary>q and dO, two tiles of k and v.</summary>
    public static AttentionTiling BackwardQueries(DType type, int headWidth)
    {
        AttentionTiling tiling = (type, headWidth) switch
        {
            (DType.BF16, <= 32) => new("attention_backward_queries_32_bf16", 32, 4, 128, 64, 0),
            (DType.BF16, <= 64) => new("attention_backward_queries_64_bf16", 64, 4, 128, 32, 0),
            (DType.BF16, <= 128) => new("attention_backward_queries_128_bf16", 128, 4, 64, 32, 0),
            (DType.BF16, _) => new("attention_backward_queries_256_bf16", 256, 4, 64, 16, 0),
            (_, <= 32) => new("attention_backward_queries_32_f32", 32, 4, 64, 32, 0),
            (_, <= 64) => new("attention_backward_queries_64_f32", 64, 4, 64, 32, 0),
            (_, <= 128) => new("attention_backward_queries_128_f32", 128, 2, 32, 16, 0),
            _ => new("attention_backward_queries_256_f32", 256, 2, 32, 8, 0),
        };
        return tiling.WithShared(type, (2 * tiling.Own) + (4 * tiling.Walk), 0);
    }

    /// <summary>Every one that there is.</summary>
    public static IEnumerable<AttentionTiling> All()
    {
        foreach (DType type in new[] { DType.F32, DType.BF16 })
        {
            foreach (int width in new[] { 32, 64, 128, 256 })
            {
                yield return Forward(type, width);
                yield return Split(type, width);
                yield return BackwardKeys(type, width);
                yield return BackwardQueries(type, width);
                if (!HasWgmma(type, width)) continue;
                yield return WgmmaForward(width);
                yield return WgmmaBackwardKeys(width);
                yield return WgmmaBackwardQueries(width);
            }
        }
    }

    /// <summary>One block a tile and key head.</summary>
    public LaunchShape Launch(int tiles, int kvHeads) => new(checked(tiles * kvHeads), 1, 1, Warps * 32, SharedBytes);

    private bool Is(string kind) => Entry.AsSpan("attention_".Length).StartsWith(kind, StringComparison.Ordinal);

    // Rows of bf16 as they are: their vectors change places instead (wgmma_tile.cuh).
    private AttentionTiling WithRing(int rows, int others) => this with { SharedBytes = (rows * Width * DType.BF16.Size()) + others };

    // Rows are 16 bytes longer than the head (tile_product.cuh). In f32 a warp keeps its 16 or 32 rows of P in shared memory.
    private AttentionTiling WithShared(DType type, int rows, int numbers)
    {
        int scratch = type == DType.F32 ? Warps * 16 * Walk * sizeof(float) : 0;
        return this with { SharedBytes = (rows * ((Width * type.Size()) + 16)) + numbers + scratch };
    }
}
