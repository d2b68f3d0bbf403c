using System.Runtime.InteropServices;
using NativeFl.Tensors.Cpu.Gemm;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void LoraForward(TensorView x, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y)
    {
        CheckLora(x, a, b, groups, s, y);
        var call = new LoraCall { X = x, Y = y, A = a, B = b, S = s, Multipliers = GCHandle.ToIntPtr(_multipliersHandle) };
        fixed (LoraGroup* first = groups)
        {
            for (int start = 0; start < groups.Length; start += call.Count)
            {
                call.TakeByRows(first + start, groups.Length - start, Threads);
                Dispatch(call.Count * call.Parts, call.Operations, &RunItem, &call);
            }
        }

        static void RunItem(void* context, int item, int worker)
        {
            LoraCall* call = (LoraCall*)context;
            call->Forward(item, MultiplierOf(call->Multipliers, worker));
        }
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
        if (!dx.IsEmpty) TensorCheck.Is(dx, DType.F32, x.Rows, x.Columns);
        var call = new LoraCall
        {
            X = x,
            Y = dy,
            A = a,
            B = b,
            S = s,
            DS = ds,
            DA = da,
            DB = db,
            DX = dx,
            Multipliers = GCHandle.ToIntPtr(_multipliersHandle),
        };
        fixed (LoraGroup* first = groups)
        {
            for (int start = 0; start < groups.Length; start += call.Count)
            {
                call.TakeByRows(first + start, groups.Length - start, Threads);
                Dispatch(call.Count * call.Parts, call.Operations, &RunRows, &call);
            }
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
