using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>A stream, which orders the work of one backend.</summary>
internal sealed unsafe class StreamHandle : SafeHandle
{
    // Independent of the legacy default stream.
    private const uint NonBlocking = 1;

    private readonly HandleCount _count;

    private StreamHandle(nint value, HandleCount count)
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

    public static StreamHandle Create(HandleCount count)
    {
        nint value;
        Status.Check(CudaDriver.cuStreamCreate(&value, NonBlocking), "cuStreamCreate");
        return new StreamHandle(value, count);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _count.Remove();
        return CudaDriver.cuStreamDestroy_v2(handle) == 0;
    }
}
