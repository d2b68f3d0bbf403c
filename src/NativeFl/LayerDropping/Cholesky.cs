using System.Numerics.Tensors;

namespace NativeFl.LayerDropping;

/// <summary>
/// G = L Lᵀ for a symmetric positive definite G (n, n), in double: n³ / 3 products, a block of columns at a time, the rows below it on all
/// cores. The bits do not depend on the number of threads.
/// </summary>
/// <remarks>Golub and Van Loan, Matrix Computations, 4th edition, section 4.2.5: every element from dot products of rows of L.</remarks>
internal sealed class Cholesky
{
    // Columns of a block: its rows of L pass through the cache once for every row below.
    private const int Block = 64;

    // Right-hand sides that share one pass over L.
    private const int Group = 8;

    // 2⁻⁵²: what is left of a diagonal element below this share of it, times n, is rounding.
    private const double Rounding = 1.0 / (1L << 52);

    private readonly double[] _lower;
    private readonly int _size;

    /// <param name="matrix">G, row-major; its lower triangle becomes L.</param>
    /// <param name="size">n.</param>
    public Cholesky(double[] matrix, int size)
    {
        (_lower, _size) = (matrix, size);
        for (int first = 0; first < size && BadPivot is null; first += Block)
        {
            int start = first, end = Math.Min(first + Block, size);
            for (int i = start; i < end && BadPivot is null; i++)
            {
                Row(i, start, i);
                Diagonal(i);
            }

            if (BadPivot is null) Parallel.For(end, size, i => Row(i, start, end));
        }
    }

    /// <summary>The first column in which G is not positive definite beyond rounding, or null.</summary>
    public int? BadPivot { get; private set; }

    /// <summary>X G = H, row by row in place.</summary>
    /// <param name="rows">H (count, n), row-major; becomes X.</param>
    /// <param name="count">Rows.</param>
    public void Solve(double[] rows, int count) => Parallel.For(0, (count + Group - 1) / Group, group =>
    {
        int first = group * Group, end = Math.Min(first + Group, count);
        for (int i = 0; i < _size; i++)
        {
            ReadOnlySpan<double> l = Lower(i);
            for (int r = first; r < end; r++)
            {
                Span<double> x = rows.AsSpan(r * _size, _size);
                x[i] = (x[i] - TensorPrimitives.Dot<double>(l[..i], x[..i])) / l[i];
            }
        }

        for (int i = _size - 1; i >= 0; i--)
        {
            ReadOnlySpan<double> l = Lower(i);
            for (int r = first; r < end; r++)
            {
                Span<double> x = rows.AsSpan(r * _size, _size);
                x[i] /= l[i];
                TensorPrimitives.MultiplyAdd(l[..i], -x[i], x[..i], x[..i]);
            }
        }
    });

    private Span<double> Lower(int row) => _lower.AsSpan(row * _size, _size);

    /// <summary>L[i, first .. end).</summary>
    private void Row(int i, int first, int end)
    {
        Span<double> row = Lower(i);
        for (int j = first; j < end; j++)
        {
            ReadOnlySpan<double> other = Lower(j);
            row[j] = (row[j] - TensorPrimitives.Dot<double>(row[..j], other[..j])) / other[j];
        }
    }

    /// <summary>L[i, i].</summary>
    private void Diagonal(int i)
    {
        Span<double> row = Lower(i);
        double whole = row[i], pivot = whole - TensorPrimitives.SumOfSquares<double>(row[..i]);
        if (pivot > _size * Rounding * whole) row[i] = Math.Sqrt(pivot);
        else BadPivot = i;
    }
}
