using System.Numerics;
using System.Runtime.InteropServices;

namespace NativeFl.Models;

/// <summary>
/// Between f32 and the types that files hold. Narrowing rounds to nearest, ties to even; NaN stays NaN and infinities stay infinite.
/// The vector loops and the scalar tails compute the same bits.
/// </summary>
internal static class FloatConversion
{
    private const uint SignMask = 0x8000_0000, AbsMask = 0x7FFF_FFFF, ExponentMask = 0x7F80_0000;

    // A half's exponent and fraction, moved to a float's place, read 2^112 times too small; subnormal halves become subnormal floats.
    private const uint HalfScale = (254u - 15u) << 23;
    private const uint HalfInfinityInPlace = 0x7C00u << 13;

    public static void WidenBF16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(destination[..source.Length]);
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            (low << 16).CopyTo(bits[i..]);
            (high << 16).CopyTo(bits[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++) bits[i] = (uint)source[i] << 16;
    }

    public static void WidenF16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(destination[..source.Length]);
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            WidenF16(low).CopyTo(bits[i..]);
            WidenF16(high).CopyTo(bits[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++) destination[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
    }

    public static void WidenF64(ReadOnlySpan<double> source, Span<float> destination)
    {
        for (int i = 0; i < source.Length; i++) destination[i] = (float)source[i];
    }

    public static void NarrowBF16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        ReadOnlySpan<uint> bits = MemoryMarshal.Cast<float, uint>(source);
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector<uint> low = NarrowBF16(new Vector<uint>(bits[i..]));
            Vector<uint> high = NarrowBF16(new Vector<uint>(bits[(i + Vector<uint>.Count)..]));
            Vector.Narrow(low, high).CopyTo(destination[i..]);
        }

        for (; i < source.Length; i++)
        {
            uint x = bits[i];
            destination[i] = (ushort)((x & AbsMask) > ExponentMask ? (x >> 16) | 0x40 : (x + 0x7FFF + ((x >> 16) & 1)) >> 16);
        }
    }

    public static void NarrowF16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        ReadOnlySpan<uint> bits = MemoryMarshal.Cast<float, uint>(source);
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector<uint> low = NarrowF16(new Vector<uint>(bits[i..]));
            Vector<uint> high = NarrowF16(new Vector<uint>(bits[(i + Vector<uint>.Count)..]));
            Vector.Narrow(low, high).CopyTo(destination[i..]);
        }

        for (; i < source.Length; i++) destination[i] = BitConverter.HalfToUInt16Bits((Half)source[i]);
    }

    private static Vector<uint> WidenF16(Vector<uint> half)
    {
        Vector<uint> inPlace = (half & new Vector<uint>(0x7FFF)) << 13;
        Vector<uint> value = Vector.AsVectorUInt32(Vector.AsVectorSingle(inPlace) * Vector.AsVectorSingle(new Vector<uint>(HalfScale)));
        Vector<uint> special = Vector.GreaterThanOrEqual(inPlace, new Vector<uint>(HalfInfinityInPlace));
        value |= special & new Vector<uint>(ExponentMask);
        return value | ((half & new Vector<uint>(0x8000)) << 16);
    }

    private static Vector<uint> NarrowBF16(Vector<uint> x)
    {
        Vector<uint> rounded = (x + new Vector<uint>(0x7FFF) + ((x >> 16) & Vector<uint>.One)) >> 16;
        Vector<uint> quiet = (x >> 16) | new Vector<uint>(0x40);
        return Vector.ConditionalSelect(Vector.GreaterThan(x & new Vector<uint>(AbsMask), new Vector<uint>(ExponentMask)), quiet, rounded);
    }

    private static Vector<uint> NarrowF16(Vector<uint> x)
    {
        Vector<uint> sign = (x & new Vector<uint>(SignMask)) >> 16, abs = x & new Vector<uint>(AbsMask);

        // Below 2^-14 the result is subnormal: adding 2^-1 · 2^0 leaves exactly ten fraction bits, and the adder rounds.
        Vector<uint> magic = new(((127u - 15u) + (23u - 10u) + 1u) << 23);
        Vector<uint> subnormal = Vector.AsVectorUInt32(Vector.AsVectorSingle(abs) + Vector.AsVectorSingle(magic)) - magic;

        // Otherwise rebias the exponent and round by hand; a carry runs into the exponent, up to infinity.
        Vector<uint> odd = (abs >> 13) & Vector<uint>.One;
        Vector<uint> normal = (abs - new Vector<uint>((127u - 15u) << 23) + new Vector<uint>(0xFFF) + odd) >> 13;

        Vector<uint> result = Vector.ConditionalSelect(Vector.LessThan(abs, new Vector<uint>(113u << 23)), subnormal, normal);
        Vector<uint> big = Vector.GreaterThanOrEqual(abs, new Vector<uint>((127u + 16u) << 23));
        result = Vector.ConditionalSelect(big, new Vector<uint>(0x7C00), result);
        Vector<uint> quiet = new Vector<uint>(0x7E00) | ((abs >> 13) & new Vector<uint>(0x3FF));
        result = Vector.ConditionalSelect(Vector.GreaterThan(abs, new Vector<uint>(ExponentMask)), quiet, result);
        return result | sign;
    }
}
