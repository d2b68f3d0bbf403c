using System.Runtime.InteropServices;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    // Enough blocks to fill a GPU even where a bias is narrow, and few enough that the second pass is nothing beside the first.
    private const int ColumnSumChunks = 64, ColumnSumChunkRows = 64, ColumnSumThreads = 256;

    /// <inheritdoc/>
    public override void ColumnSum(TensorView x, TensorView sums)
    {
        TensorCheck.Is(x, x.DType, x.Rows, x.Columns);
        TensorCheck.Holds(sums, DType.F32, x.Columns);
        if (x.Count == 0) return;
        int chunkRows = ChunkRows(x.Rows, x.Columns), chunks = (x.Rows + chunkRows - 1) / chunkRows;
        if (chunks == 1)
        {
            SumChunks(x.Pointer, x.DType, x.Rows, x.Columns, chunkRows, accumulate: true, sums.Pointer);
            return;
        }

        nint partial = Workspace((long)chunks * x.Columns * sizeof(float));
        SumChunks(x.Pointer, x.DType, x.Rows, x.Columns, chunkRows, accumulate: false, partial);
        SumChunks(partial, DType.F32, chunks, x.Columns, chunks, accumulate: true, sums.Pointer);
    }

    /// <summary>The rows of a chunk when an x is summed in two passes. It depends on the shape alone, and so does the order of the sum.</summary>
    private static int ChunkRows(int rows, int columns)
    {
        int chunks = (int)Math.Clamp(WorkspaceBytes / sizeof(float) / columns, 1, ColumnSumChunks);
        return Math.Max(ColumnSumChunkRows, (int)(((long)rows + chunks - 1) / chunks));
    }

    /// <summary>A grid with a block for every tile of 32 vectors of columns and every chunk of rows.</summary>
    private static LaunchShape ChunkGrid(int rows, int columns, int chunkRows, DType type)
    {
        int tile = 32 * VectorWidth(type);
        return new LaunchShape((int)(((long)columns + tile - 1) / tile), (rows + chunkRows - 1) / chunkRows, 1, ColumnSumThreads);
    }

    /// <summary>Elements of <paramref name="type"/> in 16 bytes.</summary>
    private static int VectorWidth(DType type) => 16 / type.Size();

    private void SumChunks(nint x, DType type, int rows, int columns, int chunkRows, bool accumulate, nint sums)
    {
        var arguments = new ColumnSumArguments(x, rows, columns, chunkRows, accumulate ? 1 : 0, sums);
        Launch("column_sum", Typed("column_sum", type), ChunkGrid(rows, columns, chunkRows, type), arguments);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ColumnSumArguments(nint X, int Rows, int Columns, int ChunkRows, int Accumulate, nint Sums);
}
