using System.Runtime.InteropServices;
using NativeFl.Tensors.Cpu.Gemm;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <summary>
    /// The largest W (bytes) that is worth streaming past every run of rows: it stays in a second-level cache. Beyond, x and y are what is
    /// small, and the product is cut both ways.
    /// </summary>
    private const long FusedBytes = 1 << 20;

    private readonly List<LoraGroup> _allRows = [];

    /// <inheritdoc/>
    public override void LoraForward(TensorView x, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y)
    {
        CheckLora(x, a, b, groups, s, y);
        RunForward(new LoraCall { X = x, Y = y, A = a, B = b, S = s }, groups);
    }

    /// <inheritdoc/>
    public override void LinearLoraForward(
        TensorView x, PackedMatrix w, TensorView bias, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y)
    {
        CheckLora(x, a, b, groups, s, y);
        if (!Fuses(w, groups, x.Rows))
        {
            base.LinearLoraForward(x, w, bias, a, b, groups, s, y);
            return;
        }
        CheckLinear(x, w, bias, y);
        RunForward(new LoraCall { X = x, Y = y, A = a, B = b, S = s, W = w, Bias = bias }, CollectionsMarshal.AsSpan(_allRows));
    }

    /// <inheritdoc/>
    public override void LoraBackward(
        TensorView dy, TensorView x, TensorView a, TensorView b, TensorView s, ReadOnlySpan<LoraGroup> groups,
        TensorView ds, TensorView da, TensorView db, TensorView dx)
    {
        CheckLoraBackward(dy, x, a, b, s, groups, ds, da, db, dx);
        RunBackward(new LoraCall { X = x, Y = dy, A = a, B = b, S = s, DS = ds, DA = da, DB = db, DX = dx }, groups, groups);
    }

    /// <inheritdoc/>
    public override void LinearLoraBackward(
        TensorView dy, PackedMatrix w, TensorView x, TensorView a, TensorView b, TensorView s, ReadOnlySpan<LoraGroup> groups,
        bool accumulate, TensorView ds, TensorView da, TensorView db, TensorView dx)
    {
        CheckLoraBackward(dy, x, a, b, s, groups, ds, da, db, dx);
        if (dx.IsEmpty || !Fuses(w, groups, x.Rows))
        {
            base.LinearLoraBackward(dy, w, x, a, b, s, groups, accumulate, ds, da, db, dx);
            return;
        }
        CheckLinearBackward(dy, w, dx);
        RunBackward(
            new LoraCall { X = x, Y = dy, A = a, B = b, S = s, DS = ds, DA = da, DB = db, DX = dx, W = w, Accumulate = accumulate },
            CollectionsMarshal.AsSpan(_allRows), groups);
    }

    private void RunForward(LoraCall call, ReadOnlySpan<LoraGroup> groups)
    {
        call.Multipliers = GCHandle.ToIntPtr(_multipliersHandle);
        fixed (LoraGroup* first = groups)
        {
            for (int start = 0; start < groups.Length; start += call.Count)
            {
                call.TakeByRows(first + start, groups.Length - start, 4 * Threads);
                Dispatch(call.Count * call.Parts, call.Operations, &RunItem, &call);
            }
        }

        static void RunItem(void* context, int item, int worker)
        {
            LoraCall* call = (LoraCall*)context;
            call->Forward(item, MultiplierOf(call->Multipliers, worker));
        }
    }

    private void RunBackward(LoraCall call, ReadOnlySpan<LoraGroup> rowGroups, ReadOnlySpan<LoraGroup> groups)
    {
        call.Multipliers = GCHandle.ToIntPtr(_multipliersHandle);
        fixed (LoraGroup* first = rowGroups)
        {
            for (int start = 0; start < rowGroups.Length; start += call.Count)
            {
                // Every item turns the panels of W for itself.
                call.TakeByRows(first + start, rowGroups.Length - start, (call.W.IsEmpty ? 4 : 2) * Threads);
                Dispatch(call.Count * call.Parts, call.Operations, &RunRows, &call);
            }
        }
        fixed (LoraGroup* first = groups)
        {
            for (int start = 0; start < groups.Length; start += call.Count)
            {
                call.TakeByRanks(first + start, groups.Length - start);
                Dispatch(call.Count * call.Parts, call.Operations, &RunRanks, &call);
            }
        }

        static void RunRows(void* context, int item, int worker)
        {
            LoraCall* call = (LoraCall*)context;
            call->BackwardRows(item, MultiplierOf(call->Multipliers, worker));
        }

        static void RunRanks(void* context, int item, int worker)
        {
            LoraCall* call = (LoraCall*)context;
            call->BackwardRanks(item, MultiplierOf(call->Multipliers, worker));
        }
    }

    /// <summary>
    /// Whether W and the adapters go over the rows together; if so, the groups and the rows between them, as groups of no rank, are in
    /// <see cref="_allRows"/>.
    /// </summary>
    private bool Fuses(PackedMatrix w, ReadOnlySpan<LoraGroup> groups, int rows)
    {
        // Fewer rows, and there would not be runs of them enough for all threads: the product alone can be cut by columns too.
        if (_blas is not null || 4L * w.In * w.Out > FusedBytes || rows < 2 * Threads * LoraCall.LeastRows) return false;
        _allRows.Clear();
        int end = 0;
        foreach (LoraGroup g in groups)
        {
            if (g.RowStart < end) return false;
            if (g.RowStart > end) _allRows.Add(new LoraGroup(end, g.RowStart - end, 0, 0, 0, 0));
            _allRows.Add(g);
            end = g.RowStart + g.RowCount;
        }
        if (end < rows) _allRows.Add(new LoraGroup(end, rows - end, 0, 0, 0, 0));
        return true;
    }

    private static void CheckLoraBackward(
        TensorView dy, TensorView x, TensorView a, TensorView b, TensorView s, ReadOnlySpan<LoraGroup> groups,
        TensorView ds, TensorView da, TensorView db, TensorView dx)
    {
        CheckLora(x, a, b, groups, s, dy);
        TensorCheck.Is(ds, DType.F32, s.Rows, s.Columns);
        if (!da.IsEmpty) TensorCheck.Is(da, DType.F32, a.Rows, a.Columns);
        if (!db.IsEmpty) TensorCheck.Is(db, DType.F32, b.Rows, b.Columns);
        if (!dx.IsEmpty) TensorCheck.Is(dx, DType.F32, x.Rows, x.Columns);
    }

    private static void CheckLora(TensorView x, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y)
    {
        TensorCheck.Is(x, DType.F32, x.Rows, x.Columns);
        TensorCheck.Is(y, DType.F32, x.Rows, y.Columns);
        TensorCheck.Is(a, DType.F32, a.Rows, x.Columns);
        TensorCheck.Is(b, DType.F32, a.Rows, y.Columns);
        TensorCheck.Is(s, DType.F32, x.Rows, s.Columns);
        Expect.Groups(groups, x.Rows, a.Rows, s.Columns);
    }
}
