namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void ColumnSum(TensorView x, TensorView sums)
    {
        Expect.Tensor(nameof(x), x, DType.F32, x.Rows, x.Columns);
        if (sums.DType != DType.F32 || sums.Count != x.Columns)
            throw new ArgumentException($"sums: expected ({x.Columns}) F32, got {sums.Shape} {sums.DType}", nameof(sums));
        int rows = x.Rows, columns = x.Columns;
        float* from = (float*)x.Pointer;
        float* to = (float*)sums.Pointer;
        for (int n = 0; n < rows; n++)
        {
            for (int c = 0; c < columns; c++) to[c] += from[((long)n * columns) + c];
        }
    }
}
