using System.Runtime.InteropServices;

namespace NativeFl.Tensors;

/// <summary>One block of memory that a backend handed out. Disposing it gives the block back; doing so twice is harmless.</summary>
public sealed class DeviceMemory : SafeHandle
{
    private readonly Action<nint> _free;

    /// <summary>Takes ownership of the block at <paramref name="pointer"/>.</summary>
    public DeviceMemory(nint pointer, long bytes, Action<nint> free)
        : base(0, ownsHandle: true)
    {
        SetHandle(pointer);
        Bytes = bytes;
        _free = free;
    }

    /// <summary>The size of the block.</summary>
    public long Bytes { get; }

    /// <summary>The address of the block.</summary>
    public nint Pointer => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _free(handle);
        return true;
    }
}
