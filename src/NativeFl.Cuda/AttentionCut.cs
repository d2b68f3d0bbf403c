using System.Runtime.InteropServices;
using NativeFl.Tensors;

namespace NativeFl.Cuda;

/// <summary>
/// A span whose keys are cut into splits, or walked over in one: kernels/attention_decode.cu's AttentionCut, by the rule of its header.
/// </summary>
/// <param name="Span">The span.</param>
/// <param name="First">The tile's first row: 0, for the rows of a span that is cut are one tile.</param>
/// <param name="Splits">How many splits there are; 1 for a span that attention.cu serves.</param>
/// <param name="Keys">Keys of a split, whole tiles of them; the last one may have fewer.</param>
/// <param name="FirstRow">Where the splits' rows begin in the workspace.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct AttentionCut(AttentionSpan Span, int First, int Splits, int Keys, int FirstRow)
{
    // What a multiprocessor holds of every tile; fewer keys are not worth a block, or its rows' way through the workspace.
    private const int BlocksPerMultiprocessor = 2, FewestKeys = 128, FewestKeysPerRow = 16;

    /// <summary>How a span is cut. It depends on the span, the shape and the device; <paramref name="mostRows"/> is what the workspace holds.</summary>
    public static AttentionCut Of(AttentionSpan span, AttentionShape shape, AttentionTiling tiling, int window, int multiprocessors, long mostRows)
    {
        var whole = new AttentionCut(span, 0, 1, span.KeyCount, 0);
        long rows = Rows(span, shape);
        if (rows == 0 || rows > tiling.Own) return whole;
        int begin = Math.Max(0, span.KeyCount - span.QueryCount + 1 - window) / tiling.Walk * tiling.Walk, walked = span.KeyCount - begin;
        long filling = Quotient((long)BlocksPerMultiprocessor * multiprocessors, shape.KvHeads);
        long most = Math.Min(Math.Min(filling, walked / Math.Max(FewestKeys, FewestKeysPerRow * rows)), mostRows / (rows * shape.KvHeads));
        if (most < 2) return whole;
        int tiles = (int)Quotient(walked, tiling.Walk), share = (int)Quotient(tiles, most);
        return whole with { Splits = (int)Quotient(tiles, share), Keys = share * tiling.Walk };
    }

    /// <summary>
    /// Gives the first of <paramref name="cuts"/> their places in a workspace of <paramref name="mostRows"/> rows, one after the other, and tells how
    /// many found one. A cut of <see cref="Of"/> by itself always does.
    /// </summary>
    public static int Place(Span<AttentionCut> cuts, AttentionShape shape, long mostRows)
    {
        long used = 0;
        for (int i = 0; i < cuts.Length; i++)
        {
            long rows = cuts[i].Splits * Rows(cuts[i].Span, shape) * shape.KvHeads;
            if (used + rows > mostRows) return i;
            cuts[i] = cuts[i] with { FirstRow = (int)used };
            used += rows;
        }

        return cuts.Length;
    }

    /// <summary>Rows of the span and one key head: queries times heads of a group.</summary>
    public static long Rows(AttentionSpan span, AttentionShape shape) => (long)span.QueryCount * (shape.Heads / shape.KvHeads);

    private static long Quotient(long a, long b) => (a + b - 1) / b;
}
