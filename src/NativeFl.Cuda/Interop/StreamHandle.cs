namespace NativeFl.Cuda.Interop;

/// <summary>A stream, which orders the work of one backend.</summary>
internal sealed unsafe class StreamHandle : NativeHandle
{
    // Independent of the legacy default stream.
    private const uint NonBlocking = 1;

    private StreamHandle(nint value, HandleCount count)
        : base(value, count)
    {
    }

    public static StreamHandle Create(HandleCount count)
    {
        nint value;
        Status.Check(CudaDriver.cuStreamCreate(&value, NonBlocking), "cuStreamCreate");
        return new StreamHandle(value, count);
    }

    /// <inheritdoc/>
    protected override int Destroy() => CudaDriver.cuStreamDestroy_v2(handle);
}
