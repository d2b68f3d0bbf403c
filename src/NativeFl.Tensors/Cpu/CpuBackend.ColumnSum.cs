using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void ColumnSum(TensorView x, TensorView sums)
    {
        TensorCheck.Is(x, DType.F32, x.Rows, x.Columns);
        TensorCheck.Holds(sums, DType.F32, x.Columns);
        int rows = x.Rows, columns = x.Columns;
        float* from = (float*)x.Pointer;
        float* to = (float*)sums.Pointer;
        // A thread owns whole columns, so that each is summed from the first row to the last.
        ParallelFor(columns, 256, (start, end) =>
        {
            for (long row = 0; row < rows; row++)
            {
                float* line = from + (row * columns);
                int c = start;
                for (; c + 8 <= end; c += 8) (Vector256.Load(to + c) + Vector256.Load(line + c)).Store(to + c);
                for (; c < end; c++) to[c] += line[c];
            }
        });
    }
}
