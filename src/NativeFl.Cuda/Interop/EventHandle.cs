using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>A mark in a stream that the host can wait for.</summary>
internal sealed unsafe class EventHandle : SafeHandle
{
    private const uint WithoutTiming = 2;

    private readonly HandleCount _count;

    private EventHandle(nint value, HandleCount count)
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

    public static EventHandle Create(HandleCount count)
    {
        nint value;
        Status.Check(CudaDriver.cuEventCreate(&value, WithoutTiming), "cuEventCreate");
        return new EventHandle(value, count);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _count.Remove();
        return CudaDriver.cuEventDestroy_v2(handle) == 0;
    }
}
