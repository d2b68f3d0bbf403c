using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>An object of the driver, NVRTC or cuBLASLt that one owner gives back, counted while it is alive.</summary>
internal abstract class NativeHandle : SafeHandle
{
    private readonly HandleCount _count;
    private readonly long _bytes;

    /// <summary>Takes ownership of an object, or of so many bytes of memory.</summary>
    protected NativeHandle(nint value, HandleCount count, long bytes = 0)
        : base(0, ownsHandle: true)
    {
        SetHandle(value);
        _count = count;
        _bytes = bytes;
        count.Add(bytes);
    }

    /// <summary>The native value.</summary>
    public nint Value => handle;

    /// <inheritdoc/>
    public sealed override bool IsInvalid => handle == 0;

    /// <summary>Gives <see cref="Value"/> back to its library; the library's status.</summary>
    protected abstract int Destroy();

    /// <inheritdoc/>
    protected sealed override bool ReleaseHandle()
    {
        _count.Remove(_bytes);
        return Destroy() == 0;
    }
}
