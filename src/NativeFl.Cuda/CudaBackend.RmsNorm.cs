using System.Runtime.InteropServices;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    // What a lane of a norm keeps in registers between its two walks over a row.
    private const int RmsNormVectorsPerLane = 4;

    /// <inheritdoc/>
    public override void RmsNormForward(TensorView x, TensorView w, float epsilon, TensorView y, TensorView rstd)
    {
        int rows = x.Rows, columns = x.Columns;
        TensorCheck.Is(x, x.DType, rows, columns);
        TensorCheck.Is(y, x.DType, rows, columns);
        TensorCheck.Holds(w, DType.F32, columns);
        TensorCheck.Holds(rstd, DType.F32, rows);
        RowGeometry geometry = RowGeometry.Of(rows, columns, VectorWidth(x.DType), RmsNormVectorsPerLane);
        var arguments = new RmsNormForwardArguments(x.Pointer, w.Pointer, rows, columns, geometry.Lanes, epsilon, y.Pointer, rstd.Pointer);
        Launch("rms_norm", Typed("rms_norm_forward", x.DType), geometry.Shape, arguments);
    }

    /// <inheritdoc/>
    public override void RmsNormBackward(TensorView dy, TensorView x, TensorView w, TensorView rstd, TensorView dx, TensorView dw)
    {
        int rows = x.Rows, columns = x.Columns;
        TensorCheck.Is(dy, x.DType, rows, columns);
        TensorCheck.Is(x, x.DType, rows, columns);
        TensorCheck.Is(dx, x.DType, rows, columns);
        TensorCheck.Holds(w, DType.F32, columns);
        TensorCheck.Holds(rstd, DType.F32, rows);
        if (!dw.IsEmpty) TensorCheck.Holds(dw, DType.F32, columns);
        if (x.Count == 0) return;
        RowGeometry geometry = RowGeometry.Of(rows, columns, VectorWidth(x.DType), RmsNormVectorsPerLane);
        var arguments = new RmsNormBackwardArguments(
            dy.Pointer, x.Pointer, w.Pointer, rstd.Pointer, rows, columns, geometry.Lanes, dx.Pointer);
        Launch("rms_norm", Typed("rms_norm_backward", x.DType), geometry.Shape, arguments);
        if (!dw.IsEmpty) RmsNormWeightGradient(dy, x, rstd, dw);
    }

    private void RmsNormWeightGradient(TensorView dy, TensorView x, TensorView rstd, TensorView dw)
    {
        int rows = x.Rows, columns = x.Columns, chunkRows = ChunkRows(rows, columns), chunks = (rows + chunkRows - 1) / chunkRows;
        nint partial = Workspace((long)chunks * columns * sizeof(float));
        var arguments = new RmsNormWeightGradientArguments(dy.Pointer, x.Pointer, rstd.Pointer, rows, columns, chunkRows, partial);
        Launch("rms_norm", Typed("rms_norm_weight_gradient", x.DType), ChunkGrid(rows, columns, chunkRows, x.DType), arguments);
        SumChunks(partial, DType.F32, chunks, columns, chunks, accumulate: true, dw.Pointer);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct RmsNormForwardArguments(
        nint X, nint W, int Rows, int Columns, int Lanes, float Epsilon, nint Y, nint Rstd);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct RmsNormBackwardArguments(
        nint DY, nint X, nint W, nint Rstd, int Rows, int Columns, int Lanes, nint DX);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct RmsNormWeightGradientArguments(
        nint DY, nint X, nint Rstd, int Rows, int Columns, int ChunkRows, nint Partial);
}
