using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>Host memory that the device copies from and to by itself.</summary>
internal sealed unsafe class PinnedHandle : SafeHandle
{
    private readonly HandleCount _count;

    private PinnedHandle(nint value, HandleCount count)
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

    public static PinnedHandle Allocate(long bytes, HandleCount count)
    {
        nint value;
        Status.Check(CudaDriver.cuMemHostAlloc((void**)&value, checked((nuint)bytes), 0), $"cuMemHostAlloc of {bytes} bytes");
        return new PinnedHandle(value, count);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _count.Remove();
        return CudaDriver.cuMemFreeHost(handle) == 0;
    }
}
