using System.Runtime.InteropServices;
using NativeFl.Cuda.Kernels;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int MergeTile = 128, MergeThreads = 256;

    /// <inheritdoc/>
    public override void LoraMerge(TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, PackedMatrix w)
    {
        Expect.Packed(nameof(w), w);
        TensorCheck.Is(a, DType.F32, a.Rows, w.In);
        TensorCheck.Is(b, DType.F32, a.Rows, w.Out);
        foreach (LoraGroup group in groups) Expect.Range("ranks", group.RankStart, group.RankCount, a.Rows);
        _loraWork.BeginWithoutRows(groups);
        ReadOnlySpan<LoraEntry> entries = _loraWork.Entries;
        if (entries.IsEmpty) return;
        string entry = Typed("lora_merge", w.DType);
        Launch(
            "lora_merge", entry, new LaunchShape(Pieces(w.In, MergeTile), Pieces(w.Out, MergeTile), 1, MergeThreads, DynamicShared.Of(entry)),
            new LoraMergeArguments(
                a.Pointer, b.Pointer, Stage(entries), entries.Length, w.Out, w.In, Vectors(a), Vectors(b), Vectors(w.Pointer, w.In, w.DType), w.Pointer));
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct LoraMergeArguments(
        nint A, nint B, nint Entries, int Count, int Out, int In, int AVectors, int BVectors, int WVectors, nint W);
}
