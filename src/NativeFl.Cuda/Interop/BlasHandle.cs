namespace NativeFl.Cuda.Interop;

/// <summary>cuBLASLt of the current context.</summary>
internal sealed unsafe class BlasHandle : NativeHandle
{
    private BlasHandle(nint value, HandleCount count)
        : base(value, count)
    {
    }

    public static BlasHandle Create(HandleCount count)
    {
        nint value;
        Status.CheckBlas(CublasLt.cublasLtCreate(&value), "cublasLtCreate");
        return new BlasHandle(value, count);
    }

    /// <inheritdoc/>
    protected override int Destroy() => CublasLt.cublasLtDestroy(handle);
}
