using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NativeFl.Tensors.Cpu;

/// <summary>The random words of one token row: word c of the row is word c mod 4 of Philox.Block(seed, stream, row · 2³² + c / 4).</summary>
/// <remarks>Four counters run side by side in a vector, one in each 64-bit lane, so that a lane's product of 32-bit numbers is vpmuludq's.</remarks>
internal readonly unsafe struct PhiloxRow(ulong seed, ulong stream, uint row)
{
    /// <summary>Words that one call makes.</summary>
    public const int Words = 32;

    private const uint M0 = 0xD2511F53, M1 = 0xCD9E8D57, W0 = 0x9E3779B9, W1 = 0xBB67AE85;

    /// <summary>Words <paramref name="column"/> .. + 31 of the row; the column is a multiple of 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fill(int column, uint* words)
    {
        if (Avx2.IsSupported) FillLanes((uint)column / 4, words);
        else FillScalar((uint)column / 4, words);
    }

    private void FillScalar(uint block, uint* words)
    {
        for (uint b = 0; b < Words / 4; b++)
        {
            UInt128 four = Philox.Block(seed, stream, ((ulong)row << 32) | (block + b));
            for (int i = 0; i < 4; i++) words[(4 * b) + i] = (uint)(four >> (32 * i));
        }
    }

    private void FillLanes(uint block, uint* words)
    {
        // Two sets of counters: a round of one waits on its products, so two take hardly longer than one.
        Vector256<ulong> a0 = Vector256.Create(block, block + 1, block + 2, (ulong)block + 3), b0 = a0 + Vector256.Create(4ul);
        Vector256<ulong> a1 = Vector256.Create((ulong)row), a2 = Vector256.Create((ulong)(uint)stream), a3 = Vector256.Create(stream >> 32);
        Vector256<ulong> b1 = a1, b2 = a2, b3 = a3;
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            Vector256<ulong> key0 = Vector256.Create((ulong)k0), key1 = Vector256.Create((ulong)k1);
            Round(key0, key1, ref a0, ref a1, ref a2, ref a3);
            Round(key0, key1, ref b0, ref b1, ref b2, ref b3);
            k0 += W0;
            k1 += W1;
        }

        Store(a0, a1, a2, a3, words);
        Store(b0, b1, b2, b3, words + 16);
    }

    /// <summary>Only the low half of a lane counts; what the shifts leave above it is cut off at the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(
        Vector256<ulong> key0, Vector256<ulong> key1, ref Vector256<ulong> c0, ref Vector256<ulong> c1, ref Vector256<ulong> c2, ref Vector256<ulong> c3)
    {
        Vector256<ulong> p0 = Avx2.Multiply(c0.AsUInt32(), Vector256.Create((ulong)M0).AsUInt32());
        Vector256<ulong> p1 = Avx2.Multiply(c2.AsUInt32(), Vector256.Create((ulong)M1).AsUInt32());
        c0 = (p1 >> 32) ^ c1 ^ key0;
        c2 = (p0 >> 32) ^ c3 ^ key1;
        c1 = p1;
        c3 = p0;
    }

    /// <summary>Sixteen words in the order of their columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<ulong> c0, Vector256<ulong> c1, Vector256<ulong> c2, Vector256<ulong> c3, uint* words)
    {
        Vector256<ulong> lower = Vector256.Create((ulong)uint.MaxValue);
        Vector256<ulong> first = (c0 & lower) | (c1 << 32), second = (c2 & lower) | (c3 << 32);
        Vector256<ulong> even = Avx2.UnpackLow(first, second), odd = Avx2.UnpackHigh(first, second);
        Avx2.Permute2x128(even, odd, 0x20).AsUInt32().Store(words);
        Avx2.Permute2x128(even, odd, 0x31).AsUInt32().Store(words + 8);
    }
}
