using System.Runtime.InteropServices;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    /// <inheritdoc/>
    public override void CosineSimilarity(TensorView x, TensorView y, TensorView products)
    {
        int rows = x.Rows, columns = x.Columns;
        TensorCheck.Is(x, x.DType, rows, columns);
        TensorCheck.Is(y, x.DType, rows, columns);
        TensorCheck.Is(products, DType.F32, rows, 3);

        // As many lanes a row as the residual norm has, whose products these are.
        RowGeometry geometry = RowGeometry.Of(rows, columns, VectorWidth(x.DType), RmsNormVectorsPerLane);
        var arguments = new CosineSimilarityArguments(x.Pointer, y.Pointer, rows, columns, geometry.Lanes, products.Pointer);
        Launch("cosine_similarity", Typed("cosine_similarity", x.DType), geometry.Shape, arguments);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct CosineSimilarityArguments(nint X, nint Y, int Rows, int Columns, int Lanes, nint Products);
}
