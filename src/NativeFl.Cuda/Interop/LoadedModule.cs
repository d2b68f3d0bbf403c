using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>A loaded cubin or PTX: the kernels of one .cu file.</summary>
internal sealed unsafe class LoadedModule : SafeHandle
{
    private readonly HandleCount _count;

    private LoadedModule(nint value, HandleCount count)
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

    public static LoadedModule? TryLoad(ReadOnlySpan<byte> image, HandleCount count, out int status)
    {
        nint value;
        fixed (byte* start = image) status = CudaDriver.cuModuleLoadDataEx(&value, start, 0, null, null);
        if (status != 0) return null;
        return new LoadedModule(value, count);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _count.Remove();
        return CudaDriver.cuModuleUnload(handle) == 0;
    }
}
