namespace NativeFl.Cuda.Interop;

/// <summary>What one backend has been given by the driver, NVRTC and cuBLASLt and has not given back: what the leak tests read.</summary>
internal sealed class HandleCount
{
    private int _alive;
    private long _bytes;

    /// <summary>Objects and blocks of memory made and not yet released.</summary>
    public int Alive => Volatile.Read(ref _alive);

    /// <summary>Device and pinned memory among them.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>One more, of so many bytes of memory.</summary>
    public void Add(long bytes = 0)
    {
        Interlocked.Increment(ref _alive);
        Interlocked.Add(ref _bytes, bytes);
    }

    /// <summary>One less.</summary>
    public void Remove(long bytes = 0)
    {
        Interlocked.Decrement(ref _alive);
        Interlocked.Add(ref _bytes, -bytes);
    }
}
