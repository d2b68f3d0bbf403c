using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <summary>Elements that one task of an element-wise op handles: 64 KiB of f32, so that handing it out costs nothing beside it.</summary>
    private const int ElementsPerTask = 16384;

    /// <inheritdoc/>
    /// <remarks>Cost: reads 2 N, writes N floats; bound by memory.</remarks>
    public override void AddScaled(TensorView x, float alpha, TensorView y)
    {
        TensorCheck.Holds(x, DType.F32, y.Count);
        TensorCheck.Holds(y, DType.F32, y.Count);
        float* px = (float*)x.Pointer, py = (float*)y.Pointer;
        ForElements(y.Count, (start, count) =>
        {
            Vector256<float> factor = Vector256.Create(alpha);
            for (long i = start; i < start + count; i += Lanes.Width)
            {
                long left = start + count - i;
                Lanes.Store(Vector256.FusedMultiplyAdd(factor, Lanes.Load(px + i, left), Lanes.Load(py + i, left)), py + i, left);
            }
        });
    }

    /// <summary>Runs <paramref name="body"/>(first element, count) over 0 .. count in tasks of <see cref="ElementsPerTask"/>.</summary>
    private void ForElements(long count, Action<long, long> body)
    {
        int tasks = checked((int)((count + ElementsPerTask - 1) / ElementsPerTask));
        ParallelFor(tasks, 1, (first, end) =>
        {
            long start = (long)first * ElementsPerTask;
            body(start, Math.Min(count, (long)end * ElementsPerTask) - start);
        });
    }

    /// <summary>Rows that one task handles when a row has <paramref name="columns"/> elements.</summary>
    private static int RowsPerTask(int columns) => Math.Max(1, ElementsPerTask / Math.Max(1, columns));
}
