using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NativeFl.Tensors.Cpu;

/// <summary>The random words of one token row: word c of the row is word c mod 4 of Philox.Block(seed, stream, row · 2³² + c / 4).</summary>
/// <remarks>Four counters run side by side, one in each 64-bit lane, so that a lane's product of 32-bit numbers is vpmuludq's.</remarks>
internal readonly unsafe struct PhiloxRow(ulong seed, ulong stream, uint row)
{
    /// <summary>Words that one call makes.</summary>
    public const int Words = 16;

    private const uint M0 = 0xD2511F53, M1 = 0xCD9E8D57, W0 = 0x9E3779B9, W1 = 0xBB67AE85;

    /// <summary>Words <paramref name="column"/> .. + 15 of the row; the column is a multiple of 16.</summary>
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
        // Only the low half of a lane counts; what the shifts leave above it is cut off at the end.
        Vector256<ulong> c0 = Vector256.Create(block, block + 1, block + 2, (ulong)block + 3), c1 = Vector256.Create((ulong)row);
        Vector256<ulong> c2 = Vector256.Create((ulong)(uint)stream), c3 = Vector256.Create(stream >> 32);
        Vector256<uint> m0 = Vector256.Create((ulong)M0).AsUInt32(), m1 = Vector256.Create((ulong)M1).AsUInt32();
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            Vector256<ulong> p0 = Avx2.Multiply(c0.AsUInt32(), m0), p1 = Avx2.Multiply(c2.AsUInt32(), m1);
            c0 = (p1 >> 32) ^ c1 ^ Vector256.Create((ulong)k0);
            c2 = (p0 >> 32) ^ c3 ^ Vector256.Create((ulong)k1);
            c1 = p1;
            c3 = p0;
            k0 += W0;
            k1 += W1;
        }

        Vector256<ulong> lower = Vector256.Create((ulong)uint.MaxValue);
        Vector256<ulong> first = (c0 & lower) | (c1 << 32), second = (c2 & lower) | (c3 << 32);
        Vector256<ulong> even = Avx2.UnpackLow(first, second), odd = Avx2.UnpackHigh(first, second);
        Avx2.Permute2x128(even, odd, 0x20).AsUInt32().Store(words);
        Avx2.Permute2x128(even, odd, 0x31).AsUInt32().Store(words + 8);
    }
}
