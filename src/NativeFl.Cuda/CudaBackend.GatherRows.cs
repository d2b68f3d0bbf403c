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
        RowGeometry geometry = MovedRows(x, rows, out DType type);
        var arguments = new GatherRowsArguments(x.Pointer, rows.Pointer, (int)rows.Count, x.Rows, x.Columns, geometry.Lanes, y.Pointer);
        Launch("gather_rows", Typed("gather_rows", type), geometry.Shape, arguments);
    }

    /// <inheritdoc/>
    /// <remarks>Distinct rows are what makes this safe to run in parallel; they are not checked, and one outside y is skipped.</remarks>
    public override void ScatterRows(TensorView x, TensorView rows, TensorView y)
    {
        CheckScatter(x, rows, y);
        Scatter(x, default, rows, y, default);
    }

    /// <inheritdoc/>
    public override void ScatterRows(TensorView k, TensorView v, TensorView rows, TensorView keys, TensorView values)
    {
        CheckScatter(k, rows, keys);
        TensorCheck.Is(v, k.DType, k.Rows, k.Columns);
        TensorCheck.Is(values, keys.DType, keys.Rows, keys.Columns);
        Scatter(k, v, rows, keys, values);
    }

    private static void CheckScatter(TensorView x, TensorView rows, TensorView y)
    {
        TensorCheck.Holds(rows, DType.I32, rows.Count);
        TensorCheck.Is(x, y.DType, checked((int)rows.Count), y.Columns);
        TensorCheck.Is(y, y.DType, y.Rows, y.Columns);
    }

    private void Scatter(TensorView x, TensorView other, TensorView rows, TensorView y, TensorView otherY)
    {
        RowGeometry geometry = MovedRows(x, rows, out DType type);
        var arguments = new ScatterRowsArguments(
            x.Pointer, other.Pointer, rows.Pointer, (int)rows.Count, y.Rows, x.Columns, geometry.Lanes, y.Pointer, otherY.Pointer);
        Launch("gather_rows", Typed("scatter_rows", type), geometry.Shape with { Y = other.IsEmpty ? 1 : 2 }, arguments);
    }

    private static RowGeometry MovedRows(TensorView x, TensorView rows, out DType type)
    {
        type = x.DType.Size() == sizeof(float) ? DType.F32 : DType.BF16;
        return RowGeometry.Of((int)rows.Count, x.Columns, VectorWidth(type), GatherVectorsPerLane);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct GatherRowsArguments(nint X, nint Rows, int Count, int Limit, int Columns, int Lanes, nint Y);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ScatterRowsArguments(
        nint X, nint Other, nint Rows, int Count, int Limit, int Columns, int Lanes, nint Y, nint OtherY);
}
