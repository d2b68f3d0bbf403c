namespace NativeFl.Cuda.Interop;

/// <summary>How many native objects of one backend are alive: what the leak tests read.</summary>
internal sealed class HandleCount
{
    private int _alive;

    /// <summary>Objects made and not yet released.</summary>
    public int Alive => Volatile.Read(ref _alive);

    /// <summary>One more.</summary>
    public void Add() => Interlocked.Increment(ref _alive);

    /// <summary>One less.</summary>
    public void Remove() => Interlocked.Decrement(ref _alive);
}
