using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Streams;

/// <summary>
/// Pinned host memory that copies to the device start from. It is used piece after piece; when the last chunk is full, the first one is
/// waited for, which by then has long been copied.
/// </summary>
internal sealed unsafe class StagingRing : IDisposable
{
    /// <summary>The longest piece.</summary>
    public const int ChunkBytes = 4 << 20;

    private const int Chunks = 4, Alignment = 64;

    private readonly nint _stream;
    private readonly PinnedHandle _memory;
    private readonly EventHandle[] _events;
    private readonly bool[] _recorded = new bool[Chunks];
    private int _chunk, _offset;

    public StagingRing(nint stream, HandleCount count)
    {
        _stream = stream;
        _events = EventHandle.Create(Chunks, count);
        try
        {
            _memory = PinnedHandle.Allocate((long)Chunks * ChunkBytes, count);
        }
        catch
        {
            foreach (EventHandle handle in _events) handle.Dispose();
            throw;
        }
    }

    /// <summary>Copies at most <see cref="ChunkBytes"/> to the device, in the order of the stream; the source is free at once.</summary>
    public void Send(byte* source, int bytes, nint destination)
    {
        if (_offset + bytes > ChunkBytes) NextChunk();
        byte* place = (byte*)_memory.Value + ((long)_chunk * ChunkBytes) + _offset;
        Buffer.MemoryCopy(source, place, bytes, bytes);
        Status.Check(CudaDriver.cuMemcpyHtoDAsync_v2(destination, place, (nuint)bytes, _stream), $"copy {bytes} bytes to the device");
        _offset += (bytes + Alignment - 1) / Alignment * Alignment;
    }

    public void Dispose()
    {
        foreach (EventHandle handle in _events) handle.Dispose();
        _memory.Dispose();
    }

    private void NextChunk()
    {
        Status.Check(CudaDriver.cuEventRecord(_events[_chunk].Value, _stream), "cuEventRecord");
        _recorded[_chunk] = true;
        _chunk = (_chunk + 1) % Chunks;
        _offset = 0;
        if (_recorded[_chunk]) Status.Check(CudaDriver.cuEventSynchronize(_events[_chunk].Value), "wait for earlier copies to the device");
    }
}
