using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

// A packed matrix is plain row-major (out, in): what cuBLASLt and the tensor cores read best.
public sealed unsafe partial class CudaBackend
{
    /// <inheritdoc/>
    public override long PackedBytes(int outFeatures, int inFeatures, DType dtype)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outFeatures);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inFeatures);
        Expect.Stored(nameof(dtype), dtype);
        return checked((long)outFeatures * inFeatures * dtype.Size());
    }

    /// <inheritdoc/>
    public override void Pack(TensorView rows, int firstRow, PackedMatrix destination) => Copy(rows, PackedRows(destination, firstRow, rows));

    /// <inheritdoc/>
    public override void Unpack(PackedMatrix source, int firstRow, TensorView rows) => Copy(PackedRows(source, firstRow, rows), rows);

    private static TensorView PackedRows(PackedMatrix matrix, int firstRow, TensorView rows)
    {
        Expect.Packed(nameof(matrix), matrix);
        Expect.Stored(nameof(rows), rows.DType);
        TensorCheck.Is(rows, rows.DType, rows.Rows, matrix.In);
        Expect.Range(nameof(firstRow), firstRow, rows.Rows, matrix.Out);
        return new TensorView(matrix.Pointer, new Shape(matrix.Out, matrix.In), matrix.DType).Slice(firstRow, rows.Rows);
    }
}
