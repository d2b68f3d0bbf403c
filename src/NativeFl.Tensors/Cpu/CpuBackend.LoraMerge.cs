using System.Runtime.InteropServices;
using NativeFl.Tensors.Cpu.Gemm;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void LoraMerge(TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, PackedMatrix w)
    {
        Expect.Packed(nameof(w), w);
        TensorCheck.Is(a, DType.F32, a.Rows, w.In);
        TensorCheck.Is(b, DType.F32, a.Rows, w.Out);
        long ranks = 0;
        foreach (LoraGroup group in groups)
        {
            Expect.Range("ranks", group.RankStart, group.RankCount, a.Rows);
            if (group.Scaling != 0) ranks += group.RankCount;
        }
        if (ranks == 0) return;
        fixed (LoraGroup* first = groups)
        {
            nint multipliers = GCHandle.ToIntPtr(_multipliersHandle);
            var call = new MergeCall(w, _packed.Width, multipliers) { A = a, B = b, Groups = first, Count = groups.Length };
            Dispatch(call.Items, 2 * ranks * w.Out * w.In, &RunItem, &call);
        }

        static void RunItem(void* context, int item, int worker)
        {
            MergeCall* call = (MergeCall*)context;
            call->Run(item, MultiplierOf(call->Multipliers, worker));
        }
    }
}
