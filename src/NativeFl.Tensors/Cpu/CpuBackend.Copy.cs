using NativeFl.Tensors.Cpu.Gemm;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    // 1 MiB of f32: long enough to be worth another thread.
    private const int CopyGrain = 1 << 18;

    /// <inheritdoc/>
    public override void Copy(TensorView source, TensorView destination)
    {
        if (source.Count != destination.Count)
            throw new ArgumentException($"destination: expected {source.Count} elements, got {destination.Shape}", nameof(destination));
        bool same = source.DType == destination.DType, widen = source.DType == DType.BF16;
        if (!same)
        {
            Expect.Stored(nameof(source), source.DType);
            Expect.Stored(nameof(destination), destination.DType);
        }
        int from = source.DType.Size(), to = destination.DType.Size();
        ForRuns(source.Count, (start, count) =>
        {
            byte* left = (byte*)source.Pointer + (start * from);
            byte* right = (byte*)destination.Pointer + (start * to);
            if (same) Buffer.MemoryCopy(left, right, count * to, count * from);
            else if (widen) Packing.Widen((ushort*)left, (float*)right, (nint)count);
            else Packing.Round((float*)left, (ushort*)right, (nint)count);
        });
    }

    /// <inheritdoc/>
    public override void Fill(float value, TensorView destination)
    {
        Expect.Stored(nameof(destination), destination.DType);
        bool narrow = destination.DType == DType.BF16;
        ForRuns(destination.Count, (start, count) =>
        {
            if (narrow) new Span<ushort>((ushort*)destination.Pointer + start, (int)count).Fill(Bf16.Round(value));
            else new Span<float>((float*)destination.Pointer + start, (int)count).Fill(value);
        });
    }

    /// <summary>Runs body(start, count) over [0, count) in runs of <see cref="CopyGrain"/>.</summary>
    private void ForRuns(long count, Action<long, long> body)
    {
        ParallelFor(checked((int)((count + CopyGrain - 1) / CopyGrain)), 1, (run, _) =>
        {
            long start = (long)run * CopyGrain;
            body(start, Math.Min(CopyGrain, count - start));
        });
    }
}
