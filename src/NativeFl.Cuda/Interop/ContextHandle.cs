namespace NativeFl.Cuda.Interop;

/// <summary>One hold on a device's primary context, which all users of the device in this process share.</summary>
internal sealed unsafe class ContextHandle : NativeHandle
{
    private readonly int _device;

    private ContextHandle(nint value, int device, HandleCount count)
        : base(value, count) => _device = device;

    public static ContextHandle Retain(int device, HandleCount count)
    {
        nint value;
        Status.Check(CudaDriver.cuDevicePrimaryCtxRetain(&value, device), "cuDevicePrimaryCtxRetain");
        return new ContextHandle(value, device, count);
    }

    /// <summary>Makes this the context of the calling thread.</summary>
    public void MakeCurrent() => Status.Check(CudaDriver.cuCtxSetCurrent(handle), "cuCtxSetCurrent");

    /// <inheritdoc/>
    protected override int Destroy() => CudaDriver.cuDevicePrimaryCtxRelease_v2(_device);
}
