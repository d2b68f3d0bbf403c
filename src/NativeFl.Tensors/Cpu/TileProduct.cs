using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>
/// c = a b, or c += a b, for tiles that lie in cache: a (M, K) with any strides, b (K, N) in <see cref="TilePanels"/>, c (M, N) row-major.
/// M is a multiple of <see cref="Rows"/> and N of <see cref="Columns"/>; callers pad with zeros.
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

    /// <summary>A right operand in panels of sixteen columns, <paramref name="PanelRows"/> rows of room in each; see <see cref="TilePanels"/>.</summary>
    public readonly record struct Panels(nint Pointer, int PanelRows);

    /// <summary>The rows of a result, <paramref name="Stride"/> floats apart.</summary>
    public readonly record struct RowMajor(nint Pointer, int Stride);

    /// <summary>c (m, n) = a (m, k) b (k, n), or += that.</summary>
    public static void Multiply(Strided a, Panels b, int m, int n, int k, bool accumulate, RowMajor c)
    {
        // Panels outside: one of them stays in the L1 cache while all rows go by.
        for (int j = 0; j < n; j += Columns)
        {
            float* panel = (float*)b.Pointer + ((long)j * b.PanelRows);
            for (int i = 0; i < m; i += Rows)
            {
                float* rowA = (float*)a.Pointer + ((long)i * a.RowStride), rowC = (float*)c.Pointer + ((long)i * c.Stride);
                Block(rowA, a.RowStride, a.ColumnStride, panel, k, accumulate, rowC + j, c.Stride);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Block(
        float* a, nint aRow, nint aColumn, float* b, int k, bool accumulate, float* c, nint cRow)
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
            b += Columns;
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
}
