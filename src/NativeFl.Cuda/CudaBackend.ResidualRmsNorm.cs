using System.Runtime.InteropServices;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    /// <inheritdoc/>
    public override void ResidualRmsNormForward(
        TensorView x, TensorView delta, TensorView w, float epsilon, TensorView xOut, TensorView y, TensorView rstd, TensorView products)
    {
        int rows = x.Rows, columns = x.Columns;
        TensorCheck.Is(x, x.DType, rows, columns);
        TensorCheck.Is(delta, x.DType, rows, columns);
        TensorCheck.Is(xOut, x.DType, rows, columns);
        TensorCheck.Is(y, x.DType, rows, columns);
        TensorCheck.Holds(w, DType.F32, columns);
        TensorCheck.Holds(rstd, DType.F32, rows);
        if (!products.IsEmpty) TensorCheck.Is(products, DType.F32, rows, 3);
        RowGeometry geometry = RowGeometry.Of(rows, columns, VectorWidth(x.DType), RmsNormVectorsPerLane);
        var arguments = new ResidualRmsNormForwardArguments(
            x.Pointer, delta.Pointer, w.Pointer, rows, columns, geometry.Lanes, epsilon, xOut.Pointer, y.Pointer, rstd.Pointer, products.Pointer);
        Launch("residual_rms_norm", Typed("residual_rms_norm_forward", x.DType), geometry.Shape, arguments);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ResidualRmsNormForwardArguments(
        nint X, nint Delta, nint W, int Rows, int Columns, int Lanes, float Epsilon, nint XOut, nint Y, nint Rstd, nint Products);
}
