using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NativeFl.Tensors.Cpu;

/// <summary>
/// The layout of a right operand of <see cref="TileProduct"/>: b (K, N) in panels of sixteen columns, a panel's rows one behind the
/// other. Element (k, n) lies at ⌊n / 16⌋ · rows · 16 + k · 16 + n mod 16, where rows ≥ K is the room of a panel. A product then
/// reads its panel from front to back; rows of a power of two apart would fall into the same few sets of the L1 cache.
/// </summary>
internal static unsafe class TilePanels
{
    private const int Columns = TileProduct.Columns;

    /// <summary>b = source (rows, columns), its columns padded with zeros to whole panels.</summary>
    public static void FromRows(float* source, long sourceStride, int rows, int columns, float* panels, int panelRows)
    {
        for (int c = 0; c < columns; c += Columns)
        {
            float* panel = panels + ((long)c * panelRows);
            for (int r = 0; r < rows; r++)
            {
                float* from = source + (r * sourceStride) + c, to = panel + (r * Columns);
                int left = columns - c;
                Lanes.Load(from, left).Store(to);
                (left > Lanes.Width ? Lanes.Load(from + Lanes.Width, left - Lanes.Width) : default).Store(to + Lanes.Width);
            }
        }
    }

    /// <summary>b = the transpose of source (rows, columns), its columns (the rows of source) padded with zeros to whole panels.</summary>
    public static void FromColumns(float* source, long sourceStride, int rows, int columns, float* panels, int panelRows)
    {
        int r = 0;
        if (Avx.IsSupported)
        {
            for (; r <= rows - 8; r += 8)
            {
                float* from = source + (r * sourceStride), to = panels + ((long)(r / Columns) * panelRows * Columns) + (r % Columns);
                int c = 0;
                for (; c <= columns - 8; c += 8) Transpose8x8(from + c, sourceStride, to + (c * Columns));
                for (; c < columns; c++) CopyColumn(from + c, sourceStride, 8, to + (c * Columns));
            }
        }

        for (; r < rows; r++)
        {
            float* to = panels + ((long)(r / Columns) * panelRows * Columns) + (r % Columns);
            for (int c = 0; c < columns; c++) to[c * Columns] = source[(r * sourceStride) + c];
        }

        int filled = rows % Columns;
        if (filled == 0) return;
        float* last = panels + ((long)(rows / Columns) * panelRows * Columns);
        for (int c = 0; c < columns; c++) new Span<float>(last + (c * Columns) + filled, Columns - filled).Clear();
    }

    private static void CopyColumn(float* source, long stride, int count, float* destination)
    {
        for (int i = 0; i < count; i++) destination[i] = source[i * stride];
    }

    /// <summary>Pairs, then quadruples, then halves are exchanged: 24 shuffles for 64 floats.</summary>
    private static void Transpose8x8(float* source, long stride, float* destination)
    {
        Quarter(source, stride, out Vector256<float> a0, out Vector256<float> a1, out Vector256<float> a2, out Vector256<float> a3);
        Quarter(source + (4 * stride), stride, out Vector256<float> b0, out Vector256<float> b1, out Vector256<float> b2, out Vector256<float> b3);
        Avx.Permute2x128(a0, b0, 0x20).Store(destination);
        Avx.Permute2x128(a1, b1, 0x20).Store(destination + Columns);
        Avx.Permute2x128(a2, b2, 0x20).Store(destination + (2 * Columns));
        Avx.Permute2x128(a3, b3, 0x20).Store(destination + (3 * Columns));
        Avx.Permute2x128(a0, b0, 0x31).Store(destination + (4 * Columns));
        Avx.Permute2x128(a1, b1, 0x31).Store(destination + (5 * Columns));
        Avx.Permute2x128(a2, b2, 0x31).Store(destination + (6 * Columns));
        Avx.Permute2x128(a3, b3, 0x31).Store(destination + (7 * Columns));
    }

    /// <summary>Of rows 0 .. 3: vector i holds columns i and i + 4, one in each half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quarter(
        float* source, long stride, out Vector256<float> v0, out Vector256<float> v1, out Vector256<float> v2, out Vector256<float> v3)
    {
        Vector256<float> r0 = Vector256.Load(source), r1 = Vector256.Load(source + stride);
        Vector256<float> r2 = Vector256.Load(source + (2 * stride)), r3 = Vector256.Load(source + (3 * stride));
        Vector256<float> low0 = Avx.UnpackLow(r0, r1), high0 = Avx.UnpackHigh(r0, r1), low1 = Avx.UnpackLow(r2, r3), high1 = Avx.UnpackHigh(r2, r3);
        v0 = Avx.Shuffle(low0, low1, 0x44);
        v1 = Avx.Shuffle(low0, low1, 0xEE);
        v2 = Avx.Shuffle(high0, high1, 0x44);
        v3 = Avx.Shuffle(high0, high1, 0xEE);
    }
}
