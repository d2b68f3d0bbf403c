using NativeFl.Tensors;

namespace NativeFl.Data;

/// <summary>
/// The endless order in which examples are seen: epoch e is a permutation drawn from Philox(seed, e), or the file's own order. Its whole
/// state is (seed, position), so a run resumes anywhere.
/// </summary>
public sealed class BatchOrder
{
    private readonly int _count;
    private readonly bool _shuffle;
    private readonly ulong _seed;
    private readonly int[] _order;
    private long _epoch = -1;

    /// <summary>Starts at a position.</summary>
    /// <param name="count">Number of examples, at least 1.</param>
    /// <param name="shuffle">False: file order in every epoch.</param>
    /// <param name="seed">Of all permutations.</param>
    /// <param name="position">How many examples have been seen.</param>
    public BatchOrder(int count, bool shuffle, ulong seed, long position = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        _count = count;
        _shuffle = shuffle;
        _seed = seed;
        _order = new int[count];
        Position = position;
    }

    /// <summary>How many examples have been given out since the beginning.</summary>
    public long Position { get; private set; }

    /// <summary>The epoch of the next example, from 0.</summary>
    public long Epoch => Position / _count;

    /// <summary>Steps of one epoch: ⌈count / batch size⌉.</summary>
    public int StepsPerEpoch(int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        return (int)(((long)_count + batchSize - 1) / batchSize);
    }

    /// <summary>The next indices, running on from one epoch into the next.</summary>
    public void Next(Span<int> indices)
    {
        for (int i = 0; i < indices.Length; i++) indices[i] = Next();
    }

    /// <summary>The next batch of this epoch.</summary>
    /// <param name="indices">As long as a full batch.</param>
    /// <returns>How many indices were written: less than a full batch at the end of an epoch.</returns>
    public int NextBatch(Span<int> indices)
    {
        int length = (int)Math.Min(indices.Length, _count - (Position % _count));
        Next(indices[..length]);
        return length;
    }

    private int Next()
    {
        long epoch = Epoch;
        if (epoch != _epoch)
        {
            _epoch = epoch;
            for (int i = 0; i < _count; i++) _order[i] = i;
            if (_shuffle)
            {
                var random = new Philox(_seed, (ulong)epoch);
                random.Shuffle<int>(_order);
            }
        }

        return _order[Position++ % _count];
    }
}
