using System.Text;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// Number i of a named stream: a hash of both and nothing else, so that weights, adapters and tokens are the same numbers here and in
/// <c>bench/peers/counter_hash.py</c>, without a file between them, drawn by any number of threads.
/// </summary>
/// <remarks>The finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).</remarks>
internal static class CounterHash
{
    private const ulong Golden = 0x9E3779B97F4A7C15, StreamFactor = 0xD1342543DE82EF95;

    /// <summary>FNV-1a of the name.</summary>
    public static ulong Stream(string name)
    {
        ulong hash = 0xCBF29CE484222325;
        foreach (byte value in Encoding.UTF8.GetBytes(name)) hash = (hash ^ value) * 0x100000001B3;
        return hash;
    }

    /// <summary>64 bits.</summary>
    public static ulong Bits(ulong stream, ulong index)
    {
        ulong z = (stream * StreamFactor) + ((index + 1) * Golden);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in [−1, 1), a multiple of 2⁻²³: exact in f32.</summary>
    public static float Uniform(ulong stream, ulong index) => ((Bits(stream, index) >> 40) * (1f / (1 << 23))) - 1;

    /// <summary>Uniform in 0 .. bound − 1.</summary>
    public static int Integer(ulong stream, ulong index, int bound) => (int)(((Bits(stream, index) >> 32) * (ulong)bound) >> 32);

    /// <summary>values[i] = amplitude · number first + i of the stream, on all cores.</summary>
    public static void Fill(ulong stream, long first, float amplitude, Memory<float> values)
    {
        const int Block = 1 << 16;
        Parallel.For(0, (values.Length + Block - 1) / Block, block =>
        {
            int start = block * Block;
            Span<float> part = values.Span[start..Math.Min(values.Length, start + Block)];
            for (int i = 0; i < part.Length; i++) part[i] = amplitude * Uniform(stream, (ulong)(first + start + i));
        });
    }
}
