using System.Numerics.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// Mᵀ = Q R for M (r, n) with r ≤ n: Q (n, r) has orthonormal columns, R (r, r) is upper triangular. By Householder reflections in double,
/// O(r² n), stable whatever the rank of M. Q is kept as its reflections and never formed.
/// </summary>
/// <remarks>Golub and Van Loan, Matrix Computations, 4th edition, algorithm 5.2.1.</remarks>
internal sealed class ThinQr
{
    private readonly double[] _reflections;
    private readonly double[] _scales;
    private readonly int _count, _length;

    /// <param name="matrix">M, row-major.</param>
    /// <param name="count">r.</param>
    /// <param name="length">n.</param>
    public ThinQr(ReadOnlySpan<float> matrix, int count, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, length);
        (_count, _length) = (count, length);
        _reflections = new double[checked(count * length)];
        _scales = new double[count];
        R = new double[checked(count * count)];
        TensorPrimitives.ConvertChecked<float, double>(matrix[..(count * length)], _reflections.AsSpan());
        for (int j = 0; j < count; j++) Reflect(j);
    }

    /// <summary>R (r, r) row-major; zeros below the diagonal.</summary>
    public double[] R { get; }

    /// <summary>Q c.</summary>
    /// <param name="coefficients">c (r).</param>
    /// <param name="result">(n).</param>
    public void Expand(ReadOnlySpan<double> coefficients, Span<double> result)
    {
        coefficients[.._count].CopyTo(result);
        result[_count.._length].Clear();
        for (int j = _count - 1; j >= 0; j--) Apply(j, result[j.._length]);
    }

    private Span<double> Row(int j) => _reflections.AsSpan(j * _length, _length);

    /// <summary>Maps the rest of row j to its first axis, and the rows behind it along.</summary>
    private void Reflect(int j)
    {
        Span<double> v = Row(j)[j..];
        double norm = TensorPrimitives.Norm<double>(v), mapped = v[0] > 0 ? -norm : norm;
        R[(j * _count) + j] = mapped;
        v[0] -= mapped;
        double square = TensorPrimitives.SumOfSquares<double>(v);
        _scales[j] = square == 0 ? 0 : 2 / square;
        for (int k = j + 1; k < _count; k++)
        {
            Span<double> row = Row(k)[j..];
            Apply(j, row);
            R[(j * _count) + k] = row[0];
        }
    }

    /// <summary>x ← x − scale (v·x) v.</summary>
    private void Apply(int j, Span<double> x)
    {
        if (_scales[j] == 0) return;
        ReadOnlySpan<double> v = Row(j)[j..];
        TensorPrimitives.MultiplyAdd(v, -_scales[j] * TensorPrimitives.Dot<double>(v, x), x, x);
    }
}
