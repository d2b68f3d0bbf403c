using System.Runtime.InteropServices;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int EmbeddingThreads = 256, EmbeddingWidth = 8, EmbeddingVectorsPerLane = 2, EmbeddingTileKeys = 1024, EmbeddingPlacesPerBlock = 8;

    // Two lists of 8-byte keys in half of the workspace; more rows are taken in turns.
    private const int EmbeddingRowsAtOnce = 1 << 21;

    /// <inheritdoc/>
    /// <remarks>The tokens are on the device, so one outside the table is not refused: its row of x becomes NaN.</remarks>
    public override void EmbeddingForward(PackedMatrix table, TensorView tokens, TensorView x)
    {
        TensorCheck.Holds(tokens, DType.I32, x.Rows);
        TensorCheck.Is(x, x.DType, x.Rows, table.In);
        Expect.Packed(nameof(table), table);
        string entry = table.DType == x.DType ? "embedding_forward"
            : x.DType == DType.F32 ? "embedding_forward_widened"
            : "embedding_forward_rounded";
        RowGeometry geometry = RowGeometry.Of(x.Rows, x.Columns, EmbeddingWidth, EmbeddingVectorsPerLane);
        var arguments = new EmbeddingForwardArguments(table.Pointer, tokens.Pointer, x.Rows, table.Out, x.Columns, geometry.Lanes, x.Pointer);
        Launch("embedding", Typed(entry, x.DType), geometry.Shape, arguments);
    }

    /// <inheritdoc/>
    /// <remarks>The rows of a token are summed in order, whatever the device. A token outside dTable adds nothing.</remarks>
    public override void EmbeddingBackward(TensorView dx, TensorView tokens, TensorView dTable)
    {
        TensorCheck.Holds(tokens, DType.I32, dx.Rows);
        TensorCheck.Is(dx, dx.DType, dx.Rows, dTable.Columns);
        TensorCheck.Is(dTable, DType.F32, dTable.Rows, dx.Columns);
        if (dx.Count == 0) return;
        int columns = dx.Columns, tile = 32 * VectorWidth(dx.DType);
        for (int first = 0; first < dx.Rows; first += EmbeddingRowsAtOnce)
        {
            int rows = Math.Min(EmbeddingRowsAtOnce, dx.Rows - first);
            nint keys = SortTokens(tokens, first, rows);
            var shape = new LaunchShape(
                (rows + EmbeddingPlacesPerBlock - 1) / EmbeddingPlacesPerBlock, (int)(((long)columns + tile - 1) / tile), 1, EmbeddingThreads);
            var arguments = new EmbeddingBackwardArguments(dx.Pointer, keys, rows, dTable.Rows, columns, dTable.Pointer);
            Launch("embedding", Typed("embedding_backward", dx.DType), shape, arguments);
        }
    }

    /// <summary>Keys (token, row) of some rows in ascending order: tiles sorted by a block each, then merged pairwise.</summary>
    private nint SortTokens(TensorView tokens, int first, int rows)
    {
        nint keys = Workspace(2L * rows * sizeof(long)), other = keys + (nint)((long)rows * sizeof(long));
        int tiles = (rows + EmbeddingTileKeys - 1) / EmbeddingTileKeys;
        var sort = new EmbeddingSortArguments(tokens.Pointer, rows, first, keys);
        Launch("embedding", "embedding_sort_tokens", new LaunchShape(tiles, 1, 1, EmbeddingThreads), sort);
        for (int run = EmbeddingTileKeys; run < rows; run *= 2)
        {
            var shape = new LaunchShape((rows + EmbeddingThreads - 1) / EmbeddingThreads, 1, 1, EmbeddingThreads);
            Launch("embedding", "embedding_merge_tokens", shape, new EmbeddingMergeArguments(keys, rows, run, other));
            (keys, other) = (other, keys);
        }

        return keys;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct EmbeddingForwardArguments(nint Table, nint Tokens, int Rows, int Vocabulary, int Columns, int Lanes, nint X);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct EmbeddingSortArguments(nint Tokens, int Rows, int FirstRow, nint Keys);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct EmbeddingMergeArguments(nint Keys, int Rows, int Run, nint Merged);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct EmbeddingBackwardArguments(nint DX, nint Keys, int Rows, int Vocabulary, int Columns, nint DTable);
}
