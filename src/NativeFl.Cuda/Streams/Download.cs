using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Streams;

/// <summary>Copies from the device through two pinned buffers: while one is emptied the other fills.</summary>
internal sealed unsafe class Download : IDisposable
{
    private const int ChunkBytes = 2 << 20;

    private readonly nint _stream;
    private readonly PinnedHandle _memory;
    private readonly EventHandle[] _events;

    public Download(nint stream, HandleCount count)
    {
        _stream = stream;
        _events = EventHandle.Create(2, count);
        try
        {
            _memory = PinnedHandle.Allocate(2L * ChunkBytes, count);
        }
        catch
        {
            foreach (EventHandle handle in _events) handle.Dispose();
            throw;
        }
    }

    /// <summary>Waits for everything before it in the stream, and for the copy. <paramref name="operation"/> names it in an error.</summary>
    public void Receive(nint source, byte* destination, long bytes, string operation)
    {
        long sent = 0, received = 0;
        for (int turn = 0; received < bytes; turn++)
        {
            for (; sent < bytes && sent - received <= ChunkBytes; sent += ChunkBytes) Start(source, sent, bytes, operation);
            int buffer = turn & 1, length = (int)Math.Min(ChunkBytes, bytes - received);
            Status.Check(CudaDriver.cuEventSynchronize(_events[buffer].Value), operation);
            Buffer.MemoryCopy(Place(buffer), destination + received, length, length);
            received += length;
        }
    }

    public void Dispose()
    {
        foreach (EventHandle handle in _events) handle.Dispose();
        _memory.Dispose();
    }

    private void Start(nint source, long offset, long bytes, string operation)
    {
        int buffer = (int)(offset / ChunkBytes & 1);
        nuint length = (nuint)Math.Min(ChunkBytes, bytes - offset);
        Status.Check(CudaDriver.cuMemcpyDtoHAsync_v2(Place(buffer), source + (nint)offset, length, _stream), operation);
        Status.Check(CudaDriver.cuEventRecord(_events[buffer].Value, _stream), operation);
    }

    private byte* Place(int buffer) => (byte*)_memory.Value + ((long)buffer * ChunkBytes);
}
