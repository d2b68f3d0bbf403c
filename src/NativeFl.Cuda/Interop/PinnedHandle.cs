namespace NativeFl.Cuda.Interop;

/// <summary>Host memory that the device copies from and to by itself.</summary>
internal sealed unsafe class PinnedHandle : NativeHandle
{
    private PinnedHandle(nint value, HandleCount count)
        : base(value, count)
    {
    }

    public static PinnedHandle Allocate(long bytes, HandleCount count)
    {
        nint value;
        Status.Check(CudaDriver.cuMemHostAlloc((void**)&value, checked((nuint)bytes), 0), $"cuMemHostAlloc of {bytes} bytes");
        return new PinnedHandle(value, count);
    }

    /// <inheritdoc/>
    protected override int Destroy() => CudaDriver.cuMemFreeHost(handle);
}
