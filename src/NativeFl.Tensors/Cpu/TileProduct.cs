using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NativeFl.Tensors.Cpu;

/// <summary>
/// c = a b, or c += a b, for tiles that lie in cache: a (M, K) with any strides, b (K, N) and c (M, N) row-major. M is a multiple of
/// <see cref="Rows"/> and N of <see cref="Columns"/>; callers pad with zeros.
/// </summary>
/// <remarks>
/// 6 × 16 results stay in 12 registers of 8 floats while k runs; a step loads two vectors of b, broadcasts six numbers of a and does
/// twelve multiply-adds, which is what 16 registers allow (the shape of BLIS's Haswell kernel; Van Zee and van de Geijn 2015). Every
/// result is one chain of fused multiply-adds in the order of k, added to c at the end: its bits do not depend on M, N or on zeros
/// that pad K.
/// </remarks>
internal static unsafe class TileProduct
{
    /// <summary>Rows of a register block.</summary>
    public const int Rows = 6;

    /// <summary>Columns of a register block.</summary>
    public const int Columns = 16;

    /// <summary>A left operand: element (i, k) lies at <paramref name="Pointer"/> + i · <paramref name="RowStride"/> + k · <paramref name="ColumnStride"/>.</summary>
    public readonly record struct Strided(nint Pointer, int RowStride, int ColumnStride)
    {
        /// <summary>A row-major matrix.</summary>
        public static Strided RowMajor(float* pointer, int columns) => new((nint)pointer, columns, 1);

        /// <summary>The transpose of a row-major matrix.</summary>
        public static Strided Transposed(float* pointer, int columns) => new((nint)pointer, 1, columns);
    }

    /// <summary>The rows of a right operand or of a result, <paramref name="Stride"/> floats apart.</summary>
    public readonly record struct RowMajor(nint Pointer, int Stride);

    /// <summary>c (m, n) = a (m, k) b (k, n), or += that.</summary>
    public static void Multiply(Strided a, RowMajor b, int m, int n, int k, bool accumulate, RowMajor c)
    {
        for (int i = 0; i < m; i += Rows)
        {
            float* rowA = (float*)a.Pointer + ((long)i * a.RowStride), rowC = (float*)c.Pointer + ((long)i * c.Stride);
            for (int j = 0; j < n; j += Columns)
                Block(rowA, a.RowStride, a.ColumnStride, (float*)b.Pointer + j, b.Stride, k, accumulate, rowC + j, c.Stride);
        }
    }

    /// <summary>destination (columns, ≥ rows) = the transpose of source (rows, columns); its columns rows .. paddedRows become 0.</summary>
    public static void Transpose(float* source, long sourceStride, int rows, int columns, float* destination, int destinationStride)
    {
        int padded = (rows + Columns - 1) / Columns * Columns, r = 0;
        if (Avx.IsSupported)
        {
            for (; r <= rows - 8; r += 8)
            {
                int c = 0;
                for (; c <= columns - 8; c += 8)
                    Transpose8x8(source + (r * sourceStride) + c, sourceStride, destination + ((long)c * destinationStride) + r, destinationStride);
                TransposeScalar(source + (r * sourceStride) + c, sourceStride, 8, columns - c, destination + ((long)c * destinationStride) + r, destinationStride);
            }
        }

        TransposeScalar(source + (r * sourceStride), sourceStride, rows - r, columns, destination + r, destinationStride);
        if (padded == rows) return;
        for (int c = 0; c < columns; c++) new Span<float>(destination + ((long)c * destinationStride) + rows, padded - rows).Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Block(
        float* a, nint aRow, nint aColumn, float* b, nint bRow, int k, bool accumulate, float* c, nint cRow)
    {
        Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector256<float> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        float* lower = a + (3 * aRow);
        nint aRow2 = 2 * aRow;
        for (; k > 0; k--)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8);
            Vector256<float> x = Vector256.Create(*a);
            c00 = Vector256.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector256.FusedMultiplyAdd(x, b1, c01);
            x = Vector256.Create(a[aRow]);
            c10 = Vector256.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector256.FusedMultiplyAdd(x, b1, c11);
            x = Vector256.Create(a[aRow2]);
            c20 = Vector256.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector256.FusedMultiplyAdd(x, b1, c21);
            x = Vector256.Create(*lower);
            c30 = Vector256.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector256.FusedMultiplyAdd(x, b1, c31);
            x = Vector256.Create(lower[aRow]);
            c40 = Vector256.FusedMultiplyAdd(x, b0, c40);
            c41 = Vector256.FusedMultiplyAdd(x, b1, c41);
            x = Vector256.Create(lower[aRow2]);
            c50 = Vector256.FusedMultiplyAdd(x, b0, c50);
            c51 = Vector256.FusedMultiplyAdd(x, b1, c51);
            a += aColumn;
            lower += aColumn;
            b += bRow;
        }

        Put(c00, c01, accumulate, c);
        Put(c10, c11, accumulate, c + cRow);
        Put(c20, c21, accumulate, c + (2 * cRow));
        Put(c30, c31, accumulate, c + (3 * cRow));
        Put(c40, c41, accumulate, c + (4 * cRow));
        Put(c50, c51, accumulate, c + (5 * cRow));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector256<float> low, Vector256<float> high, bool accumulate, float* c)
    {
        if (accumulate)
        {
            low += Vector256.Load(c);
            high += Vector256.Load(c + 8);
        }

        low.Store(c);
        high.Store(c + 8);
    }

    private static void TransposeScalar(float* source, long sourceStride, int rows, int columns, float* destination, long destinationStride)
    {
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++) destination[(c * destinationStride) + r] = source[(r * sourceStride) + c];
        }
    }

    /// <summary>Pairs, then quadruples, then halves are exchanged: 24 shuffles for 64 floats.</summary>
    private static void Transpose8x8(float* source, long sourceStride, float* destination, long destinationStride)
    {
        Quarter(source, sourceStride, out Vector256<float> a0, out Vector256<float> a1, out Vector256<float> a2, out Vector256<float> a3);
        Quarter(source + (4 * sourceStride), sourceStride, out Vector256<float> b0, out Vector256<float> b1, out Vector256<float> b2, out Vector256<float> b3);
        Avx.Permute2x128(a0, b0, 0x20).Store(destination);
        Avx.Permute2x128(a1, b1, 0x20).Store(destination + destinationStride);
        Avx.Permute2x128(a2, b2, 0x20).Store(destination + (2 * destinationStride));
        Avx.Permute2x128(a3, b3, 0x20).Store(destination + (3 * destinationStride));
        Avx.Permute2x128(a0, b0, 0x31).Store(destination + (4 * destinationStride));
        Avx.Permute2x128(a1, b1, 0x31).Store(destination + (5 * destinationStride));
        Avx.Permute2x128(a2, b2, 0x31).Store(destination + (6 * destinationStride));
        Avx.Permute2x128(a3, b3, 0x31).Store(destination + (7 * destinationStride));
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
