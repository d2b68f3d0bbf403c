using System.Numerics;

namespace NativeFl.LayerDropping;

/// <summary>
/// C += Aᵀ B in double: A (n, p), B (n, q) and C (p, q), row-major, C apart from both. Every element takes its n products in order with one
/// rounding each, so that neither the width of vectors nor the number of threads shows in the bits. O(n p q).
/// </summary>
/// <remarks>
/// Four rows by two vectors of C stay in registers while A and B pass by, each copied beforehand into panels that are read from end to end
/// (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34, 2008).
/// </remarks>
internal static class TransposedProduct
{
    private const int TileRows = 4;

    private static int TileColumns => 2 * Vector<double>.Count;

    /// <summary>Adds.</summary>
    /// <param name="a">A.</param>
    /// <param name="b">B; may be A itself.</param>
    /// <param name="count">n.</param>
    /// <param name="rows">p.</param>
    /// <param name="columns">q.</param>
    /// <param name="sums">C.</param>
    /// <param name="upper">Whether only the elements on and above the diagonal are wanted; those below it are then undefined.</param>
    public static void Add(double[] a, double[] b, int count, int rows, int columns, double[] sums, bool upper = false)
    {
        double[] left = Panels(a, count, rows, TileRows), right = Panels(b, count, columns, TileColumns);
        int tile = TileColumns;
        Parallel.For(0, (rows + TileRows - 1) / TileRows, block =>
        {
            int row = block * TileRows, first = upper ? row / tile * tile : 0;
            Span<double> tileSums = stackalloc double[TileRows * tile];
            for (int column = first; column < columns; column += tile)
            {
                int height = Math.Min(TileRows, rows - row), width = Math.Min(tile, columns - column);
                tileSums.Clear();
                for (int i = 0; i < height; i++) sums.AsSpan(((row + i) * columns) + column, width).CopyTo(tileSums[(i * tile)..]);
                Tile(left.AsSpan(row * count, TileRows * count), right.AsSpan(column * count, tile * count), tileSums);
                for (int i = 0; i < height; i++) tileSums.Slice(i * tile, width).CopyTo(sums.AsSpan(((row + i) * columns) + column));
            }
        });
    }

    /// <summary>(n, columns) as panels of so many columns, each (n, width), the last filled up with zeros.</summary>
    private static double[] Panels(double[] matrix, int count, int columns, int width)
    {
        int panels = (columns + width - 1) / width;
        var packed = new double[checked(panels * width * count)];
        Parallel.For(0, panels, panel =>
        {
            int first = panel * width, used = Math.Min(width, columns - first);
            for (int row = 0; row < count; row++)
                matrix.AsSpan((row * columns) + first, used).CopyTo(packed.AsSpan((first * count) + (row * width)));
        });
        return packed;
    }

    /// <summary>Four rows by two vectors of sums, over all n.</summary>
    private static void Tile(ReadOnlySpan<double> left, ReadOnlySpan<double> right, Span<double> sums)
    {
        int lanes = Vector<double>.Count, width = 2 * lanes;
        Vector<double> s00 = new(sums), s01 = new(sums[lanes..]), s10 = new(sums[width..]), s11 = new(sums[(width + lanes)..]);
        Vector<double> s20 = new(sums[(2 * width)..]), s21 = new(sums[((2 * width) + lanes)..]);
        Vector<double> s30 = new(sums[(3 * width)..]), s31 = new(sums[((3 * width) + lanes)..]);
        for (int i = 0; i < left.Length; i += TileRows, right = right[width..])
        {
            Vector<double> low = new(right), high = new(right[lanes..]);
            Vector<double> a = new(left[i]), b = new(left[i + 1]), c = new(left[i + 2]), d = new(left[i + 3]);
            (s00, s01) = (Vector.FusedMultiplyAdd(a, low, s00), Vector.FusedMultiplyAdd(a, high, s01));
            (s10, s11) = (Vector.FusedMultiplyAdd(b, low, s10), Vector.FusedMultiplyAdd(b, high, s11));
            (s20, s21) = (Vector.FusedMultiplyAdd(c, low, s20), Vector.FusedMultiplyAdd(c, high, s21));
            (s30, s31) = (Vector.FusedMultiplyAdd(d, low, s30), Vector.FusedMultiplyAdd(d, high, s31));
        }

        s00.CopyTo(sums);
        s01.CopyTo(sums[lanes..]);
        s10.CopyTo(sums[width..]);
        s11.CopyTo(sums[(width + lanes)..]);
        s20.CopyTo(sums[(2 * width)..]);
        s21.CopyTo(sums[((2 * width) + lanes)..]);
        s30.CopyTo(sums[(3 * width)..]);
        s31.CopyTo(sums[((3 * width) + lanes)..]);
    }
}
