using System.Runtime.InteropServices;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    // More than any sequence has, so that a window is always there; far enough from the largest int to add to.
    private const int NoWindow = 1 << 30;

    private const int LargestHeadWidth = 256;

    // A thread two columns.
    private const int CombineColumns = 2;

    private readonly bool _usesWgmma;

    private readonly List<AttentionTile> _attentionTiles = [];

    private readonly List<AttentionCut> _attentionCuts = [];

    /// <inheritdoc/>
    /// <remarks>
    /// kernels/attention.cu, or attention_wgmma.cu (<see cref="CudaBackendOptions.UseWgmma"/>): a block is a tile of rows of one span and key head. A few queries of a long cache are attention_decode.cu's, which cuts
    /// the keys and joins what blocks find: equal to what the whole sequence gives but for rounding. Rows of o and lse that no span covers become 0.
    /// The head width is even and at most 256, and the scale above 0.
    /// </remarks>
    public override void AttentionForward(
        TensorView q, TensorView k, TensorView v, ReadOnlySpan<AttentionSpan> spans, AttentionShape shape, TensorView o, TensorView lse)
    {
        AttentionCheck(q, k, v, spans, shape);
        TensorCheck.Is(o, ActivationType, q.Rows, q.Columns);
        TensorCheck.Holds(lse, DType.F32, (long)q.Rows * shape.Heads);
        if (Covered(spans, keys: false) != q.Rows)
        {
            Fill(0, o);
            Fill(0, lse);
        }

        AttentionTiling split = AttentionTiling.Split(ActivationType, shape.HeadWidth);
        AttentionTiling tiling = HasWgmma(shape, q, k, v) ? AttentionTiling.WgmmaForward(shape.HeadWidth) : AttentionTiling.Forward(ActivationType, shape.HeadWidth);
        long mostRows = MostPartialRows(shape.HeadWidth);
        _attentionTiles.Clear();
        _attentionCuts.Clear();
        foreach (AttentionSpan span in spans)
        {
            AttentionCut cut = AttentionCut.Of(span, shape, split, Window(shape), MultiprocessorCount, mostRows);
            if (cut.Splits > 1) _attentionCuts.Add(cut);
            else AddRowTiles(span, shape, tiling.Own);
        }

        nint tiles = StageTiles(out int count);
        var arguments = new AttentionForwardArguments(
            q.Pointer, k.Pointer, v.Pointer, tiles, shape.Heads, shape.KvHeads, shape.HeadWidth, Window(shape), shape.Scale, o.Pointer, lse.Pointer);
        Launch(tiling.File, tiling.Entry, tiling.Launch(count, shape.KvHeads), arguments);
        for (int next = 0; next < _attentionCuts.Count;)
        {
            Span<AttentionCut> cuts = CollectionsMarshal.AsSpan(_attentionCuts)[next..];
            cuts = cuts[..AttentionCut.Place(cuts, shape, mostRows)];
            LaunchSplits(cuts, shape, split, arguments);
            next += cuts.Length;
        }
    }

    /// <inheritdoc/>
    /// <remarks>kernels/attention_backward.cu or attention_wgmma_backward.cu: rowsum(dO ∘ o) and dq, then dk and dv. Gradients of rows that no span covers become 0.</remarks>
    public override void AttentionBackward(
        TensorView dO, TensorView q, TensorView k, TensorView v, TensorView o, TensorView lse,
        ReadOnlySpan<AttentionSpan> spans, AttentionShape shape, TensorView delta, TensorView dq, TensorView dk, TensorView dv)
    {
        AttentionCheck(q, k, v, spans, shape);
        TensorCheck.Is(dO, ActivationType, q.Rows, q.Columns);
        TensorCheck.Is(o, ActivationType, q.Rows, q.Columns);
        TensorCheck.Is(dq, ActivationType, q.Rows, q.Columns);
        TensorCheck.Is(dk, ActivationType, k.Rows, k.Columns);
        TensorCheck.Is(dv, ActivationType, k.Rows, k.Columns);
        TensorCheck.Holds(lse, DType.F32, (long)q.Rows * shape.Heads);
        TensorCheck.Holds(delta, DType.F32, (long)q.Rows * shape.Heads);
        if (Covered(spans, keys: false) != q.Rows) Fill(0, dq);
        if (Covered(spans, keys: true) != k.Rows)
        {
            Fill(0, dk);
            Fill(0, dv);
        }

        bool wgmma = HasWgmma(shape, q, k, v, o, dO);
        AttentionTiling tiling = wgmma ? AttentionTiling.WgmmaBackwardQueries(shape.HeadWidth) : AttentionTiling.BackwardQueries(ActivationType, shape.HeadWidth);
        nint tiles = StageRowTiles(spans, shape, tiling.Own, out int count);
        var queries = new AttentionBackwardQueriesArguments(
            dO.Pointer, o.Pointer, q.Pointer, k.Pointer, v.Pointer, lse.Pointer, tiles,
            shape.Heads, shape.KvHeads, shape.HeadWidth, Window(shape), shape.Scale, delta.Pointer, dq.Pointer);
        Launch(tiling.File, tiling.Entry, tiling.Launch(count, shape.KvHeads), queries);

        tiling = wgmma ? AttentionTiling.WgmmaBackwardKeys(shape.HeadWidth) : AttentionTiling.BackwardKeys(ActivationType, shape.HeadWidth);
        tiles = StageKeyTiles(spans, tiling.Own, out count);
        var keys = new AttentionBackwardKeysArguments(
            dO.Pointer, q.Pointer, k.Pointer, v.Pointer, lse.Pointer, delta.Pointer, tiles,
            shape.Heads, shape.KvHeads, shape.HeadWidth, Window(shape), shape.Scale, dk.Pointer, dv.Pointer);
        Launch(tiling.File, tiling.Entry, tiling.Launch(count, shape.KvHeads), keys);
    }

    /// <summary>Whether attention is that of sm_90a: copies of 16 bytes, so that every operand begins at a multiple of them.</summary>
    private bool HasWgmma(AttentionShape shape, params ReadOnlySpan<TensorView> operands)
    {
        if (!_usesWgmma || !AttentionTiling.HasWgmma(ActivationType, shape.HeadWidth)) return false;
        foreach (TensorView operand in operands)
        {
            if (operand.Pointer % VectorBytes != 0) return false;
        }

        return true;
    }

    /// <summary>Rows of o and of its two sums, in f32, that the workspace holds.</summary>
    private static long MostPartialRows(int width) => WorkspaceBytes / ((width + 2) * sizeof(float)) / 32 * 32;

    private void LaunchSplits(ReadOnlySpan<AttentionCut> cuts, AttentionShape shape, AttentionTiling tiling, AttentionForwardArguments whole)
    {
        long mostRows = MostPartialRows(shape.HeadWidth);
        nint sums = Workspace(mostRows * (shape.HeadWidth + 2) * sizeof(float)), partial = sums + (nint)(mostRows * 2 * sizeof(float));
        int blocks = checked(cuts.Length * shape.KvHeads), splits = 0, rows = 0;
        foreach (AttentionCut cut in cuts) (splits, rows) = (Math.Max(splits, cut.Splits), (int)Math.Max(rows, AttentionCut.Rows(cut.Span, shape)));
        nint staged = Stage(cuts);
        Launch(
            tiling.File, tiling.Entry, new LaunchShape(blocks, splits, 1, tiling.Warps * 32, tiling.SharedBytes),
            whole with { Tiles = staged, O = partial, Lse = sums });
        var combine = new AttentionCombineArguments(
            partial, sums, staged, shape.Heads, shape.KvHeads, shape.HeadWidth, shape.Scale, whole.O, whole.Lse);
        int threads = (shape.HeadWidth + (32 * CombineColumns) - 1) / (32 * CombineColumns) * 32;
        Launch("attention_decode", Typed("attention_combine", ActivationType), new LaunchShape(blocks, rows, 1, threads), combine);
    }

    private static int Window(AttentionShape shape) => shape.Window == 0 ? NoWindow : Math.Min(shape.Window, NoWindow);

    private static long Covered(ReadOnlySpan<AttentionSpan> spans, bool keys)
    {
        long covered = 0;
        foreach (AttentionSpan span in spans) covered += keys ? span.KeyCount : span.QueryCount;
        return covered;
    }

    /// <summary>
    /// Tiles of the (query, head of the group) rows of every span, those with the most keys first: the blocks that start last are short.
    /// </summary>
    private nint StageRowTiles(ReadOnlySpan<AttentionSpan> spans, AttentionShape shape, int own, out int count)
    {
        _attentionTiles.Clear();
        foreach (AttentionSpan span in spans) AddRowTiles(span, shape, own);
        return StageTiles(out count);
    }

    private void AddRowTiles(AttentionSpan span, AttentionShape shape, int own)
    {
        int rows = checked(span.QueryCount * (shape.Heads / shape.KvHeads));
        for (int first = (rows - 1) / own * own; first >= 0 && rows > 0; first -= own) _attentionTiles.Add(new AttentionTile(span, first));
    }

    /// <summary>Tiles of the keys of every span. Early keys, which the most queries see, come first as they are.</summary>
    private nint StageKeyTiles(ReadOnlySpan<AttentionSpan> spans, int own, out int count)
    {
        _attentionTiles.Clear();
        foreach (AttentionSpan span in spans)
        {
            for (long first = 0; first < span.KeyCount; first += own) _attentionTiles.Add(new AttentionTile(span, (int)first));
        }

        return StageTiles(out count);
    }

    private nint StageTiles(out int count)
    {
        count = _attentionTiles.Count;
        return count == 0 ? 0 : Stage<AttentionTile>(CollectionsMarshal.AsSpan(_attentionTiles));
    }

    private void AttentionCheck(TensorView q, TensorView k, TensorView v, ReadOnlySpan<AttentionSpan> spans, AttentionShape shape)
    {
        if (shape.HeadWidth <= 0 || shape.KvHeads <= 0 || shape.Heads <= 0 || shape.Heads % shape.KvHeads != 0 || shape.Window < 0)
            throw new ArgumentException($"shape: expected heads to be a multiple of key heads, got {shape}", nameof(shape));
        if (shape.HeadWidth % 2 != 0 || shape.HeadWidth > LargestHeadWidth || !(shape.Scale > 0))
            throw new ArgumentException($"shape: expected an even head width of at most {LargestHeadWidth} and a scale above 0, got {shape}", nameof(shape));
        TensorCheck.Is(q, ActivationType, q.Rows, shape.Heads * shape.HeadWidth);
        TensorCheck.Is(k, ActivationType, k.Rows, shape.KvHeads * shape.HeadWidth);
        TensorCheck.Is(v, ActivationType, k.Rows, shape.KvHeads * shape.HeadWidth);
        foreach (AttentionSpan span in spans)
        {
            if (span.QueryStart < 0 || span.QueryCount < 0 || (long)span.QueryStart + span.QueryCount > q.Rows
                || span.KeyStart < 0 || span.KeyCount < span.QueryCount || (long)span.KeyStart + span.KeyCount > k.Rows)
                throw new ArgumentException($"spans: expected rows within q ({q.Rows}) and k ({k.Rows}), got {span}", nameof(spans));
        }
    }

    /// <summary>kernels/device/attention_tile.cuh's AttentionTile.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct AttentionTile(AttentionSpan Span, int First);

    /// <summary>Also of attention_split, with a table of cuts, and partial and sums in place of o and lse.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct AttentionForwardArguments(
        nint Q, nint K, nint V, nint Tiles, int Heads, int KvHeads, int Width, int Window, float Scale, nint O, nint Lse);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct AttentionCombineArguments(
        nint Partial, nint Sums, nint Cuts, int Heads, int KvHeads, int Width, float Scale, nint O, nint Lse);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct AttentionBackwardKeysArguments(
        nint DO, nint Q, nint K, nint V, nint Lse, nint Delta, nint Tiles,
        int Heads, int KvHeads, int Width, int Window, float Scale, nint DK, nint DV);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct AttentionBackwardQueriesArguments(
        nint DO, nint O, nint Q, nint K, nint V, nint Lse, nint Tiles,
        int Heads, int KvHeads, int Width, int Window, float Scale, nint Delta, nint DQ);
}
