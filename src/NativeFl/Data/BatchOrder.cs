using NativeFl.Tensors;

namespace NativeFl.Data;

/// <summary>
/// An endless, deterministic order of example indices: epoch e is a permutation drawn from stream e of the seed (or file order). A batch
/// never straddles two epochs. The state is the position alone.
/// </summary>
public sealed class BatchOrder
{
    private readonly int[] _epoch;
    private readonly bool _shuffle;
    private readonly ulong _seed;
    private long _drawn = -1;

    /// <summary>Starts at <paramref name="position"/>, the number of examples already drawn.</summary>
    public BatchOrder(int count, bool shuffle, ulong seed, long position = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        (_epoch, _shuffle, _seed, Position) = (new int[count], shuffle, seed, position);
    }

    /// <summary>Examples drawn so far.</summary>
    public long Position { get; private set; }

    /// <summary>Draws the next batch; at the end of an epoch it may be short.</summary>
    /// <returns>How many indices were written.</returns>
    public int NextBatch(Span<int> indices)
    {
        long epoch = Position / _epoch.Length;
        if (epoch != _drawn) Draw(epoch);
        int offset = (int)(Position % _epoch.Length), count = Math.Min(indices.Length, _epoch.Length - offset);
        _epoch.AsSpan(offset, count).CopyTo(indices);
        Position += count;
        return count;
    }

    private void Draw(long epoch)
    {
        for (int i = 0; i < _epoch.Length; i++) _epoch[i] = i;
        if (_shuffle) new Philox(_seed, (ulong)epoch).Shuffle<int>(_epoch);
        _drawn = epoch;
    }
}
