namespace NativeFl.Cuda.Interop;

/// <summary>What cuBLASLt knows of a product besides the matrices: f32 arithmetic, and which operands are transposed.</summary>
internal sealed unsafe class MatmulDescription : NativeHandle
{
    // CUBLAS_COMPUTE_32F: f32 operands are multiplied as f32, never as TF32.
    private const int ComputeF32 = 68, RealF32 = 0, TransposeA = 3, TransposeB = 4;

    private MatmulDescription(nint value, HandleCount count)
        : base(value, count)
    {
    }

    public static MatmulDescription Create(bool transposeA, bool transposeB, HandleCount count)
    {
        nint value;
        Status.CheckBlas(CublasLt.cublasLtMatmulDescCreate(&value, ComputeF32, RealF32), "cublasLtMatmulDescCreate");
        var description = new MatmulDescription(value, count);
        try
        {
            int a = transposeA ? 1 : 0, b = transposeB ? 1 : 0;
            Status.CheckBlas(CublasLt.cublasLtMatmulDescSetAttribute(value, TransposeA, &a, sizeof(int)), "cublasLtMatmulDescSetAttribute");
            Status.CheckBlas(CublasLt.cublasLtMatmulDescSetAttribute(value, TransposeB, &b, sizeof(int)), "cublasLtMatmulDescSetAttribute");
            return description;
        }
        catch (CudaException)
        {
            description.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override int Destroy() => CublasLt.cublasLtMatmulDescDestroy(handle);
}
