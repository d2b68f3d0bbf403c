using System.Runtime.InteropServices;
using NativeFl.Tensors;

namespace NativeFl.Cuda.Interop;

/// <summary>How a column-major matrix lies in memory.</summary>
internal sealed unsafe class MatrixLayout : SafeHandle
{
    private const int RealF32 = 0, RealBf16 = 14;

    private readonly HandleCount _count;

    private MatrixLayout(nint value, HandleCount count)
        : base(0, ownsHandle: true)
    {
        SetHandle(value);
        _count = count;
        count.Add();
    }

    /// <summary>The native value.</summary>
    public nint Value => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    public static MatrixLayout Create(DType dtype, int rows, int columns, HandleCount count)
    {
        nint value;
        int type = dtype == DType.BF16 ? RealBf16 : RealF32;
        Status.CheckBlas(CublasLt.cublasLtMatrixLayoutCreate(&value, type, (ulong)rows, (ulong)columns, rows), "cublasLtMatrixLayoutCreate");
        return new MatrixLayout(value, count);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _count.Remove();
        return CublasLt.cublasLtMatrixLayoutDestroy(handle) == 0;
    }
}
