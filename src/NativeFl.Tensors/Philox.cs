namespace NativeFl.Tensors;

/// <summary>
/// Philox4x32-10, a counter-based random number generator: the i-th number of a stream is a pure function of (seed, stream, i), so
/// any part of a run can be drawn again, in any order, on any backend.
/// </summary>
/// <remarks>Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.</remarks>
public struct Philox
{
    private const uint M0 = 0xD2511F53, M1 = 0xCD9E8D57, W0 = 0x9E3779B9, W1 = 0xBB67AE85;

    private readonly ulong _seed;
    private readonly ulong _stream;
    private UInt128 _block;
    private ulong _position;

    /// <summary>Starts <paramref name="stream"/> of <paramref name="seed"/> at its number <paramref name="offset"/>.</summary>
    public Philox(ulong seed, ulong stream = 0, ulong offset = 0)
    {
        _seed = seed;
        _stream = stream;
        _position = offset;
        _block = Block(seed, stream, offset / 4);
    }

    /// <summary>The index of the next number: with seed and stream, the whole state.</summary>
    public readonly ulong Position => _position;

    /// <summary>The four 32-bit numbers at a counter.</summary>
    /// <param name="seed">The 64-bit key.</param>
    /// <param name="stream">The upper 64 bits of the counter.</param>
    /// <param name="index">The lower 64 bits of the counter.</param>
    /// <returns>Word i in bits 32 i .. 32 i + 31.</returns>
    public static UInt128 Block(ulong seed, ulong stream, ulong index)
    {
        uint c0 = (uint)index, c1 = (uint)(index >> 32), c2 = (uint)stream, c3 = (uint)(stream >> 32);
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)M0 * c0, p1 = (ulong)M1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += W0;
            k1 += W1;
        }

        return new UInt128(((ulong)c3 << 32) | c2, ((ulong)c1 << 32) | c0);
    }

    /// <summary>A seed for a sub-task that shares nothing with its siblings.</summary>
    public static ulong Derive(ulong seed, ulong stream) => (ulong)Block(seed, stream ^ 0x5EED5EED5EED5EED, 0);

    /// <summary>The next 32 uniform bits.</summary>
    public uint NextUInt32()
    {
        if (_position % 4 == 0) _block = Block(_seed, _stream, _position / 4);
        return (uint)(_block >> (int)(32 * (_position++ % 4)));
    }

    /// <summary>Uniform in [0, 1), 24 bits.</summary>
    public float NextSingle() => (NextUInt32() >> 8) * (1f / (1 << 24));

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextDouble() => ((((ulong)NextUInt32() << 32) | NextUInt32()) >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [0, <paramref name="exclusiveMax"/>), without bias.</summary>
    public int NextInt32(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        uint bound = (uint)exclusiveMax, reject = (0u - bound) % bound;
        while (true)
        {
            ulong product = (ulong)NextUInt32() * bound;
            if ((uint)product >= reject) return (int)(product >> 32);
        }
    }

    /// <summary>Standard normal, by Box and Muller.</summary>
    public double NextNormal() =>
        Math.Sqrt(-2 * Math.Log(1 - NextDouble())) * Math.Cos(2 * Math.PI * NextDouble());

    /// <summary>Gamma with the given shape and scale 1 (Marsaglia and Tsang 2000): what Dirichlet draws are made of.</summary>
    public double NextGamma(double shape)
    {
        if (shape < 1) return NextGamma(shape + 1) * Math.Pow(1 - NextDouble(), 1 / shape);
        double d = shape - (1.0 / 3), c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = NextNormal(), v = Math.Pow(1 + (c * x), 3);
            if (v > 0 && Math.Log(1 - NextDouble()) < (0.5 * x * x) + d - (d * v) + (d * Math.Log(v))) return d * v;
        }
    }

    /// <summary>A uniform random permutation in place (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = NextInt32(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
