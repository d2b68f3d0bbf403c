using System.Runtime.InteropServices;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int GatherVectorsPerLane = 2;

    /// <inheritdoc/>
    /// <remarks>
    /// The indices are on the device, so one outside x is not refused: its row of y becomes NaN.
    /// </remarks>
    public override void GatherRows(TensorView x, TensorView rows, TensorView y)
    {
        TensorCheck.Holds(rows, DType.I32, rows.Count);
        TensorCheck.Is(x, x.DType, x.Rows, x.Columns);
        TensorCheck.Is(y, x.DType, checked((int)rows.Count), x.Columns);
        MoveRows("gather_rows", x, rows, x.Rows, y);
    }

    /// <inheritdoc/>
    /// <remarks>Distinct rows are what makes this safe to run in parallel; they are not checked, and one outside y is skipped.</remarks>
    public override void ScatterRows(TensorView x, TensorView rows, TensorView y)
    {
        TensorCheck.Holds(rows, DType.I32, rows.Count);
        TensorCheck.Is(x, y.DType, checked((int)rows.Count), y.Columns);
        TensorCheck.Is(y, y.DType, y.Rows, y.Columns);
        MoveRows("scatter_rows", x, rows, y.Rows, y);
    }

    private void MoveRows(string entry, TensorView x, TensorView rows, int limit, TensorView y)
    {
        DType type = x.DType.Size() == sizeof(float) ? DType.F32 : DType.BF16;
        int count = (int)rows.Count, columns = x.Columns;
        RowGeometry geometry = RowGeometry.Of(count, columns, VectorWidth(type), GatherVectorsPerLane);
        var arguments = new GatherRowsArguments(x.Pointer, rows.Pointer, count, limit, columns, geometry.Lanes, y.Pointer);
        Launch("gather_rows", Typed(entry, type), geometry.Shape, arguments);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct GatherRowsArguments(nint X, nint Rows, int Count, int Limit, int Columns, int Lanes, nint Y);
}
