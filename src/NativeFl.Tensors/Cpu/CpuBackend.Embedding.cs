namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <summary>Columns that one task of the backward owns: two cache lines, so that tasks do not share one.</summary>
    private const int EmbeddingColumnsPerTask = 32;

    /// <inheritdoc/>
    /// <remarks>The table is the same packed matrix that a tied head multiplies with, hence the unpacking.</remarks>
    public override void EmbeddingForward(PackedMatrix table, TensorView tokens, TensorView x)
    {
        TensorCheck.Holds(tokens, DType.I32, x.Rows);
        TensorCheck.Is(x, DType.F32, x.Rows, table.In);
        TensorCheck.Below(tokens, table.Out);
        int* ids = (int*)tokens.Pointer;
        ParallelFor(x.Rows, RowsPerTask(x.Columns), (first, end) =>
        {
            for (int n = first; n < end; n++) Unpack(table, ids[n], x.Slice(n, 1));
        });
    }

    /// <inheritdoc/>
    /// <remarks>
    /// A token may occur many times, so each task owns some columns of the whole table and walks all tokens in order: the sums have
    /// one order whatever the number of threads.
    /// </remarks>
    public override void EmbeddingBackward(TensorView dx, TensorView tokens, TensorView dTable)
    {
        TensorCheck.Holds(tokens, DType.I32, dx.Rows);
        TensorCheck.Is(dx, DType.F32, dx.Rows, dTable.Columns);
        TensorCheck.Is(dTable, DType.F32, dTable.Rows, dx.Columns);
        TensorCheck.Below(tokens, dTable.Rows);
        int rows = dx.Rows, columns = dx.Columns;
        int* ids = (int*)tokens.Pointer;
        float* source = (float*)dx.Pointer, table = (float*)dTable.Pointer;
        ParallelFor((columns + EmbeddingColumnsPerTask - 1) / EmbeddingColumnsPerTask, 1, (first, end) =>
        {
            int start = first * EmbeddingColumnsPerTask, stop = Math.Min(columns, end * EmbeddingColumnsPerTask);
            for (int n = 0; n < rows; n++)
            {
                float* from = source + ((long)n * columns), to = table + ((long)ids[n] * columns);
                for (int c = start; c < stop; c += Lanes.Width)
                    Lanes.Store(Lanes.Load(to + c, stop - c) + Lanes.Load(from + c, stop - c), to + c, stop - c);
            }
        });
    }
}
