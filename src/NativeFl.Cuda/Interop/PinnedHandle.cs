namespace NativeFl.Cuda.Interop;

/// <summary>Host memory that the device copies from and to by itself.</summary>
internal sealed unsafe class PinnedHandle : NativeHandle
{
    private PinnedHandle(nint value, HandleCount count, long bytes)
        : base(value, count, bytes)
    {
    }

    public static PinnedHandle Allocate(long bytes, HandleCount count)
    {
        nint value;
        int status = CudaDriver.cuMemHostAlloc((void**)&value, checked((nuint)bytes), 0);
        // It is the host's memory that can run out here.
        if (status != 0) throw new CudaException($"cuMemHostAlloc of {Status.Mebibytes(bytes)} of host memory", status, Status.DriverText(status));
        return new PinnedHandle(value, count, bytes);
    }

    /// <inheritdoc/>
    protected override int Destroy() => CudaDriver.cuMemFreeHost(handle);
}
