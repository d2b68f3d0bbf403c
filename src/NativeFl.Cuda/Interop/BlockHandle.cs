namespace NativeFl.Cuda.Interop;

/// <summary>Device memory that the backend itself works with, taken when the device is opened: nothing is left to fail in the first step.</summary>
internal sealed unsafe class BlockHandle : NativeHandle
{
    private BlockHandle(nint value, HandleCount count, long bytes)
        : base(value, count, bytes)
    {
    }

    public static BlockHandle Allocate(long bytes, string purpose, HandleCount count) => new(Take(bytes, $" {purpose}"), count, bytes);

    /// <summary>Device memory that is another's to own.</summary>
    public static nint Take(long bytes, string purpose = "")
    {
        nint value;
        int status = CudaDriver.cuMemAlloc_v2(&value, checked((nuint)bytes));
        if (status != 0) Status.Check(status, $"cuMemAlloc of {Status.Mebibytes(bytes)}{purpose}");
        return value;
    }

    /// <inheritdoc/>
    protected override int Destroy() => CudaDriver.cuMemFree_v2(handle);
}
