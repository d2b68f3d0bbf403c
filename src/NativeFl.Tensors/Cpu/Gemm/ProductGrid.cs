namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>A product cut into tiles that any thread may compute; the bits of the result do not depend on the cut.</summary>
internal unsafe struct ProductGrid(Product* product, int width, nint multipliers)
{
    /// <summary>What is computed.</summary>
    public Product* Product { get; } = product;

    /// <summary>The handle of the threads' multipliers.</summary>
    public nint Multipliers { get; } = multipliers;

    /// <summary>Tiles above each other.</summary>
    public int RowParts { get; private set; } = 1;

    /// <summary>Tiles beside each other.</summary>
    public int ColumnParts { get; private set; } = 1;

    /// <summary>
    /// Cuts the longer side of the tiles until there are <paramref name="wanted"/>, but not below 64 rows or 128 columns: a tile
    /// packs its rows of a, and brings its columns of b into order, for itself.
    /// </summary>
    public void Cut(int wanted)
    {
        int mostRows = Math.Max(1, Product->M / 64), mostColumns = Math.Max(1, Product->N / 128);
        while (RowParts * ColumnParts < wanted && (RowParts < mostRows || ColumnParts < mostColumns))
        {
            bool isWide = Product->N / ColumnParts >= Product->M / RowParts;
            if ((isWide && ColumnParts < mostColumns) || RowParts == mostRows) ColumnParts++;
            else RowParts++;
        }
    }

    /// <summary>Rows [m0, m1) and columns [n0, n1) of tile <paramref name="item"/>; columns begin at whole panels.</summary>
    public readonly void Tile(int item, out int m0, out int m1, out int n0, out int n1)
    {
        int row = item % RowParts, column = item / RowParts;
        int panels = (Product->N + width - 1) / width;
        m0 = Part(Product->M, row, RowParts);
        m1 = Part(Product->M, row + 1, RowParts);
        n0 = Part(panels, column, ColumnParts) * width;
        n1 = Math.Min(Product->N, Part(panels, column + 1, ColumnParts) * width);
    }

    private static int Part(int count, int part, int parts) => (int)((long)count * part / parts);
}
