using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NativeFl.Cuda.Interop;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    // The error that freeing memory met, which had no caller to go to.
    private CudaException? _pendingError;

    /// <inheritdoc/>
    public override long AllocatedBytes => Interlocked.Read(ref _allocatedBytes);

    /// <inheritdoc/>
    public override long MemoryBytes
    {
        get
        {
            Enter();
            nuint free, total;
            Status.Check(CudaDriver.cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
            return (long)total;
        }
    }

    /// <inheritdoc/>
    public override DeviceMemory Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        Enter();
        nint pointer = BlockHandle.Take(bytes);
        _allocatedBytes += bytes;
        _handles.Add(bytes);
        var memory = new DeviceMemory(pointer, bytes, Free);
        _blocks.Add(pointer, memory);
        try
        {
            _queue.Enqueue(Command.Fill(pointer, 0, 1, bytes));
        }
        catch (CudaException)
        {
            memory.Dispose();
            throw;
        }
        return memory;
    }

    /// <inheritdoc/>
    public override void Upload<T>(ReadOnlySpan<T> source, TensorView destination)
    {
        RequireElements<T>(destination);
        if (source.Length > destination.Count)
            throw new ArgumentException($"source: expected at most {destination.Count} elements, got {source.Length}", nameof(source));
        Enter();
        if (source.Length > 0) _queue.Upload(MemoryMarshal.AsBytes(source), destination.Pointer);
    }

    /// <inheritdoc/>
    public override void Download<T>(TensorView source, Span<T> destination)
    {
        RequireElements<T>(source);
        if (destination.Length < source.Count)
            throw new ArgumentException($"destination: expected at least {source.Count} elements, got {destination.Length}", nameof(destination));
        Enter();
        if (source.Count > 0) _queue.Download(source.Pointer, MemoryMarshal.AsBytes(destination[..(int)source.Count]));
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        Enter();
        _queue.Synchronize();
    }

    // A driver's context belongs to a thread, and the caller's thread may change between calls.
    private void Enter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _context.MakeCurrent();
        if (_pendingError is not { } error) return;
        _pendingError = null;
        throw error;
    }

    private void Free(nint pointer)
    {
        if (!_blocks.Remove(pointer, out DeviceMemory? block)) return;
        _allocatedBytes -= block.Bytes;
        _handles.Remove(block.Bytes);
        try
        {
            if (!_disposed)
            {
                _context.MakeCurrent();
                _queue.Flush();
            }
            Status.Check(CudaDriver.cuMemFree_v2(pointer), "cuMemFree");
        }
        catch (CudaException e)
        {
            _pendingError ??= e;
        }
    }

    private static void RequireElements<T>(TensorView tensor)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() != tensor.DType.Size()) throw new ArgumentException($"a {typeof(T).Name} span over {tensor.DType} elements", nameof(T));
        if (tensor.IsEmpty && tensor.Count > 0) throw new ArgumentException("expected a tensor, got nothing", nameof(tensor));
    }
}
