using NativeFl.Tensors;

namespace NativeFl.Cuda.Interop;

/// <summary>How a column-major matrix lies in memory.</summary>
internal sealed unsafe class MatrixLayout : NativeHandle
{
    private const int RealF32 = 0, RealBf16 = 14;

    private MatrixLayout(nint value, HandleCount count)
        : base(value, count)
    {
    }

    public static MatrixLayout Create(DType dtype, int rows, int columns, HandleCount count)
    {
        nint value;
        int type = dtype == DType.BF16 ? RealBf16 : RealF32;
        Status.CheckBlas(CublasLt.cublasLtMatrixLayoutCreate(&value, type, (ulong)rows, (ulong)columns, rows), "cublasLtMatrixLayoutCreate");
        return new MatrixLayout(value, count);
    }

    /// <inheritdoc/>
    protected override int Destroy() => CublasLt.cublasLtMatrixLayoutDestroy(handle);
}
