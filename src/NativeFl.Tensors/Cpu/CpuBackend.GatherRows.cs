namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>Whole rows are copied as bytes, so any element type will do; x and y are of one type.</remarks>
    public override void GatherRows(TensorView x, TensorView rows, TensorView y)
    {
        TensorCheck.Holds(rows, DType.I32, rows.Count);
        TensorCheck.Is(y, x.DType, checked((int)rows.Count), x.Columns);
        TensorCheck.Below(rows, x.Rows);
        CopyRows(x, y, (int*)rows.Pointer, null, (int)rows.Count);
    }

    /// <inheritdoc/>
    /// <remarks>Distinct rows are what makes this safe to run in parallel; they are not checked.</remarks>
    public override void ScatterRows(TensorView x, TensorView rows, TensorView y)
    {
        TensorCheck.Holds(rows, DType.I32, rows.Count);
        TensorCheck.Is(x, y.DType, checked((int)rows.Count), y.Columns);
        TensorCheck.Below(rows, y.Rows);
        CopyRows(x, y, null, (int*)rows.Pointer, (int)rows.Count);
    }

    /// <summary>Row i of <paramref name="x"/>, or from[i] of it, becomes row i of <paramref name="y"/>, or to[i] of it.</summary>
    private void CopyRows(TensorView x, TensorView y, int* from, int* to, int count)
    {
        long rowBytes = (long)x.Columns * x.DType.Size();
        byte* px = (byte*)x.Pointer, py = (byte*)y.Pointer;
        ParallelFor(count, RowsPerTask(x.Columns), (first, end) =>
        {
            for (int i = first; i < end; i++)
            {
                byte* source = px + ((from == null ? i : from[i]) * rowBytes), destination = py + ((to == null ? i : to[i]) * rowBytes);
                Buffer.MemoryCopy(source, destination, rowBytes, rowBytes);
            }
        });
    }
}
