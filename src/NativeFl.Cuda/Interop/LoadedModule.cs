namespace NativeFl.Cuda.Interop;

/// <summary>A loaded cubin or PTX: the kernels of one .cu file.</summary>
internal sealed unsafe class LoadedModule : NativeHandle
{
    private LoadedModule(nint value, HandleCount count)
        : base(value, count)
    {
    }

    public static LoadedModule? TryLoad(ReadOnlySpan<byte> image, HandleCount count, out int status)
    {
        nint value;
        fixed (byte* start = image) status = CudaDriver.cuModuleLoadDataEx(&value, start, 0, null, null);
        if (status != 0) return null;
        return new LoadedModule(value, count);
    }

    /// <inheritdoc/>
    protected override int Destroy() => CudaDriver.cuModuleUnload(handle);
}
