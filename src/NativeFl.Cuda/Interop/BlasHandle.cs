using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>cuBLASLt of the current context.</summary>
internal sealed unsafe class BlasHandle : SafeHandle
{
    private readonly HandleCount _count;

    private BlasHandle(nint value, HandleCount count)
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

    public static BlasHandle Create(HandleCount count)
    {
        nint value;
        Status.CheckBlas(CublasLt.cublasLtCreate(&value), "cublasLtCreate");
        return new BlasHandle(value, count);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _count.Remove();
        return CublasLt.cublasLtDestroy(handle) == 0;
    }
}
