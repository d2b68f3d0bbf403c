using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>Copies that bring an operand into the order in which a micro-kernel reads it: for each k, a panel's rows (or columns).</summary>
internal static unsafe class Packing
{
    /// <summary>Floats that <see cref="Transpose"/> may write past its last element.</summary>
    public const int Spill = 8;

    /// <summary>
    /// target[k · step + row] = scale · source[row · stride + k], row below <paramref name="rows"/> ≤ <paramref name="step"/>, k below
    /// <paramref name="count"/>. Up to <see cref="Spill"/> floats past each run of rows are overwritten, later runs excepted.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(float* source, nint stride, int rows, int count, float* target, nint step, float scale)
    {
        int k = 0;
        if (Avx.IsSupported)
        {
            Vector256<float> factor = Vector256.Create(scale);
            for (; k + 8 <= count; k += 8)
            {
                // Last rows first: what a block of eight spills into the next k's first rows is overwritten by theirs.
                for (int row = (rows - 1) & ~7; row >= 0; row -= 8)
                    Transpose8(source + (row * stride) + k, stride, rows - row, target + (k * step) + row, step, factor);
            }
        }
        for (; k < count; k++)
        {
            for (int row = 0; row < rows; row++) target[(k * step) + row] = scale * source[(row * stride) + k];
        }
    }

    /// <summary>target[k · step + i] = scale · source[k · stride + i], i below <paramref name="width"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(float* source, nint stride, int width, int count, float* target, nint step, float scale)
    {
        for (int k = 0; k < count; k++)
        {
            int i = 0;
            for (; i + 8 <= width; i += 8) (Vector256.Load(source + i) * scale).Store(target + i);
            for (; i + 4 <= width; i += 4) (Vector128.Load(source + i) * scale).Store(target + i);
            for (; i < width; i++) target[i] = source[i] * scale;
            source += stride;
            target += step;
        }
    }

    /// <summary>target[i] = source[i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ushort* source, float* target, nint count)
    {
        nint i = 0;
        for (; i + 16 <= count; i += 16)
        {
            (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Load(source + i));
            (low << 16).AsSingle().Store(target + i);
            (high << 16).AsSingle().Store(target + i + 8);
        }
        for (; i < count; i++) target[i] = Bf16.Widen(source[i]);
    }

    /// <summary>target[i] = source[i], to nearest, ties to even; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Round(float* source, ushort* target, nint count)
    {
        nint i = 0;
        for (; i + 16 <= count; i += 16)
        {
            Vector256<uint> low = Round(Vector256.Load(source + i)), high = Round(Vector256.Load(source + i + 8));
            Vector256.Narrow(low, high).Store(target + i);
        }
        for (; i < count; i++) target[i] = Bf16.Round(source[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Round(Vector256<float> value)
    {
        Vector256<uint> bits = value.AsUInt32(), top = bits >> 16;
        Vector256<uint> rounded = (bits + Vector256.Create(0x7FFFu) + (top & Vector256<uint>.One)) >> 16;
        return Vector256.ConditionalSelect(Vector256.Equals(value, value).AsUInt32(), rounded, top | Vector256.Create(0x40u));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose8(float* source, nint stride, int rows, float* target, nint step, Vector256<float> scale)
    {
        Vector256<float> zero = Vector256<float>.Zero;
        Vector256<float> r0 = Avx.LoadVector256(source), r1 = rows > 1 ? Avx.LoadVector256(source + stride) : zero;
        Vector256<float> r2 = rows > 2 ? Avx.LoadVector256(source + (2 * stride)) : zero;
        Vector256<float> r3 = rows > 3 ? Avx.LoadVector256(source + (3 * stride)) : zero;
        Vector256<float> r4 = rows > 4 ? Avx.LoadVector256(source + (4 * stride)) : zero;
        Vector256<float> r5 = rows > 5 ? Avx.LoadVector256(source + (5 * stride)) : zero;
        Vector256<float> r6 = rows > 6 ? Avx.LoadVector256(source + (6 * stride)) : zero;
        Vector256<float> r7 = rows > 7 ? Avx.LoadVector256(source + (7 * stride)) : zero;
        Vector256<float> p0 = Avx.UnpackLow(r0, r1), p1 = Avx.UnpackHigh(r0, r1), p2 = Avx.UnpackLow(r2, r3), p3 = Avx.UnpackHigh(r2, r3);
        Vector256<float> p4 = Avx.UnpackLow(r4, r5), p5 = Avx.UnpackHigh(r4, r5), p6 = Avx.UnpackLow(r6, r7), p7 = Avx.UnpackHigh(r6, r7);
        r0 = Avx.Shuffle(p0, p2, 0x44) * scale;
        r1 = Avx.Shuffle(p0, p2, 0xEE) * scale;
        r2 = Avx.Shuffle(p1, p3, 0x44) * scale;
        r3 = Avx.Shuffle(p1, p3, 0xEE) * scale;
        r4 = Avx.Shuffle(p4, p6, 0x44) * scale;
        r5 = Avx.Shuffle(p4, p6, 0xEE) * scale;
        r6 = Avx.Shuffle(p5, p7, 0x44) * scale;
        r7 = Avx.Shuffle(p5, p7, 0xEE) * scale;
        Avx.Store(target, Avx.Permute2x128(r0, r4, 0x20));
        Avx.Store(target + step, Avx.Permute2x128(r1, r5, 0x20));
        Avx.Store(target + (2 * step), Avx.Permute2x128(r2, r6, 0x20));
        Avx.Store(target + (3 * step), Avx.Permute2x128(r3, r7, 0x20));
        Avx.Store(target + (4 * step), Avx.Permute2x128(r0, r4, 0x31));
        Avx.Store(target + (5 * step), Avx.Permute2x128(r1, r5, 0x31));
        Avx.Store(target + (6 * step), Avx.Permute2x128(r2, r6, 0x31));
        Avx.Store(target + (7 * step), Avx.Permute2x128(r3, r7, 0x31));
    }
}
