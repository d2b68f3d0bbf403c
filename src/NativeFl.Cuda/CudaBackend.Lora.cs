using System.Runtime.InteropServices;
using NativeFl.Cuda.Kernels;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    // The tiles of kernels/lora.cu.
    private const int LoraThreads = 128, LoraExpandThreads = 256, LoraColumns = 128, LoraSumBlocks = 8;

    private readonly LoraWork _loraWork = new();

    /// <inheritdoc/>
    public override void LoraForward(TensorView x, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y)
    {
        CheckLora(x, a, b, groups, s, y);
        LoraWork work = _loraWork;
        work.Begin(groups);
        work.AddShrink(x.Columns, WorkspaceBytes / sizeof(float));
        int shrinks = work.Runs.Length;
        work.AddExpand();
        if (work.Entries.IsEmpty) return;
        StagedLora staged = StageLora(work);
        foreach (LoraRun run in work.Runs[..shrinks]) LoraShrink(x, a, staged, run, scaled: false, s);
        foreach (LoraRun run in work.Runs[shrinks..]) LoraExpand(s, b, staged, run, scaled: true, y);
    }

    /// <inheritdoc/>
    public override void LoraBackward(
        TensorView dy, TensorView x, TensorView a, TensorView b, TensorView s, ReadOnlySpan<LoraGroup> groups,
        TensorView ds, TensorView da, TensorView db, TensorView dx)
    {
        CheckLora(x, a, b, groups, s, dy);
        TensorCheck.Is(ds, DType.F32, s.Rows, s.Columns);
        if (!da.IsEmpty) TensorCheck.Is(da, DType.F32, a.Rows, a.Columns);
        if (!db.IsEmpty) TensorCheck.Is(db, DType.F32, b.Rows, b.Columns);
        if (!dx.IsEmpty) TensorCheck.Is(dx, x.DType, x.Rows, x.Columns);
        int width = (db.IsEmpty ? 0 : b.Columns) + (da.IsEmpty ? 0 : a.Columns);
        LoraWork work = _loraWork;
        work.Begin(groups);
        work.AddShrink(dy.Columns, WorkspaceBytes / sizeof(float));
        int shrinks = work.Runs.Length;
        int across = Pieces(b.Columns, LoraColumns) + Pieces(a.Columns, LoraColumns);
        if (width > 0) work.AddGradient(across, (int)Math.Min(int.MaxValue, WorkspaceBytes / sizeof(float) / width));
        int gradients = work.Runs.Length;
        if (!dx.IsEmpty) work.AddExpand();
        if (work.Entries.IsEmpty) return;
        StagedLora staged = StageLora(work);
        foreach (LoraRun run in work.Runs[..shrinks]) LoraShrink(dy, b, staged, run, scaled: true, ds);
        foreach (LoraRun run in work.Runs[shrinks..gradients]) LoraGradient(dy, x, s, staged, run, ds, da, db);
        foreach (LoraRun run in work.Runs[gradients..]) LoraExpand(ds, a, staged, run, scaled: false, dx);
    }

    private static void CheckLora(TensorView x, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y)
    {
        Expect.Stored(nameof(x), x.DType);
        TensorCheck.Is(x, x.DType, x.Rows, x.Columns);
        TensorCheck.Is(y, x.DType, x.Rows, y.Columns);
        TensorCheck.Is(a, DType.F32, a.Rows, x.Columns);
        TensorCheck.Is(b, DType.F32, a.Rows, y.Columns);
        TensorCheck.Is(s, DType.F32, x.Rows, s.Columns);
        Expect.Groups(groups, x.Rows, a.Rows, s.Columns);
    }

    private StagedLora StageLora(LoraWork work)
    {
        nint lists = Stage(work.Lists());
        nint tiles = lists + (work.Entries.Length * sizeof(LoraEntry));
        return new StagedLora(lists, tiles, tiles + (work.Tiles.Length * sizeof(LoraTile)));
    }

    private void LoraShrink(TensorView x, TensorView factor, StagedLora staged, LoraRun run, bool scaled, TensorView s)
    {
        int splits = LoraWork.Splits(_loraWork.Tiles.Slice(run.FirstTile, run.Tiles), x.Columns);
        nint partials = splits > 1 ? Workspace(WorkspaceBytes) : 0;
        string entry = Typed("lora_shrink", x.DType);
        Launch(
            "lora", entry, new LaunchShape(run.Tiles, splits, 1, LoraThreads, DynamicShared.Of(entry)),
            new LoraShrinkArguments(
                x.Pointer, factor.Pointer, staged.TilesOf(run), staged.Entries, x.Columns, scaled ? 1 : 0, s.Columns, Vectors(x), Vectors(factor),
                partials, s.Pointer));
        if (splits == 1) return;
        Launch(
            "lora", "lora_shrink_sum", new LaunchShape(run.Tiles, LoraSumBlocks, 1, 256),
            new LoraShrinkSumArguments(partials, staged.TilesOf(run), staged.Entries, x.Columns, scaled ? 1 : 0, s.Columns, s.Pointer));
    }

    private void LoraExpand(TensorView s, TensorView factor, StagedLora staged, LoraRun run, bool scaled, TensorView y)
    {
        string entry = Typed("lora_expand", y.DType);
        Launch(
            "lora", entry, new LaunchShape(run.Tiles, Pieces(y.Columns, LoraColumns), 1, LoraExpandThreads, DynamicShared.Of(entry)),
            new LoraExpandArguments(
                s.Pointer, factor.Pointer, staged.TilesOf(run), staged.Entries, s.Columns, scaled ? 1 : 0, y.Columns, Vectors(y), Vectors(factor), y.Pointer));
    }

    private void LoraGradient(
        TensorView dy, TensorView x, TensorView s, StagedLora staged, LoraRun run, TensorView ds, TensorView da, TensorView db)
    {
        int tilesOfB = db.IsEmpty ? 0 : Pieces(dy.Columns, LoraColumns), tilesOfA = da.IsEmpty ? 0 : Pieces(x.Columns, LoraColumns);
        long rows = 0;
        int entries = 0;
        nint partialsB = run.Sums > 0 ? Workspace(WorkspaceBytes) : 0;
        foreach (LoraSum sum in _loraWork.Sums.Slice(run.FirstSum, run.Sums))
        {
            rows += (long)sum.Entries * sum.Splits;
            entries = Math.Max(entries, sum.Entries);
        }
        nint partialsA = partialsB + (nint)(db.IsEmpty ? 0 : rows * dy.Columns * sizeof(float));
        string entry = Typed("lora_gradient", x.DType);
        Launch(
            "lora", entry, new LaunchShape(run.Tiles, tilesOfB + tilesOfA, 1, LoraThreads, DynamicShared.Of(entry)),
            new LoraGradientArguments(
                s.Pointer, ds.Pointer, dy.Pointer, x.Pointer, staged.TilesOf(run), staged.Entries, s.Columns, dy.Columns, x.Columns, tilesOfB,
                Vectors(dy), Vectors(x), partialsB, partialsA, db.Pointer, da.Pointer));
        Launch(
            "lora", "lora_gradient_sum", new LaunchShape(run.Sums, tilesOfB + tilesOfA, entries, LoraColumns),
            new LoraGradientSumArguments(
                partialsB, partialsA, staged.SumsOf(run), staged.Entries, dy.Columns, x.Columns, tilesOfB, db.Pointer, da.Pointer));
    }

    /// <summary>Where the lists of one call lie on the device.</summary>
    private readonly record struct StagedLora(nint Entries, nint Tiles, nint Sums)
    {
        public nint TilesOf(LoraRun run) => Tiles + (run.FirstTile * sizeof(LoraTile));

        public nint SumsOf(LoraRun run) => Sums + (run.FirstSum * sizeof(LoraSum));
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct LoraShrinkArguments(
        nint X, nint Factor, nint Tiles, nint Entries, int Width, int Scaled, int SStride, int XVectors, int FactorVectors, nint Partials, nint S);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct LoraShrinkSumArguments(nint Partials, nint Tiles, nint Entries, int Width, int Scaled, int SStride, nint S);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct LoraExpandArguments(
        nint S, nint Factor, nint Tiles, nint Entries, int SStride, int Scaled, int Width, int YVectors, int FactorVectors, nint Y);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct LoraGradientArguments(
        nint S, nint DS, nint DY, nint X, nint Tiles, nint Entries, int SStride, int Out, int In, int TilesOfB, int OutVectors, int InVectors,
        nint PartialsB, nint PartialsA, nint DB, nint DA);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct LoraGradientSumArguments(
        nint PartialsB, nint PartialsA, nint Sums, nint Entries, int Out, int In, int TilesOfB, nint DB, nint DA);
}
