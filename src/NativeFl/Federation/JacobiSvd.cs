using System.Numerics.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// C = U diag(σ) Vᵀ for a square C (n, n), σ descending, by one-sided Jacobi rotations in double: columns of C are turned in pairs until all are
/// orthogonal; what turned them is V, their lengths are σ. Small singular values come out as accurately as large ones.
/// </summary>
/// <remarks>Hestenes 1958; Demmel and Veselić, "Jacobi's method is more accurate than QR", SIAM J. Matrix Anal. Appl. 13, 1992.</remarks>
internal sealed class JacobiSvd
{
    private const double Tolerance = 1e-15;

    // Convergence is quadratic: ten sweeps are usual, and one that does not end has met NaN.
    private const int MostSweeps = 60;

    /// <param name="matrix">C, row-major.</param>
    /// <param name="size">n.</param>
    public JacobiSvd(ReadOnlySpan<double> matrix, int size)
    {
        double[] columns = new double[checked(size * size)], turns = new double[size * size];
        for (int i = 0; i < size; i++)
        {
            turns[(i * size) + i] = 1;
            for (int j = 0; j < size; j++) columns[(j * size) + i] = matrix[(i * size) + j];
        }

        for (int sweep = 0; sweep < MostSweeps && Sweep(columns, turns, size); sweep++)
        {
        }

        double[] lengths = [.. Enumerable.Range(0, size).Select(j => TensorPrimitives.Norm<double>(columns.AsSpan(j * size, size)))];
        int[] order = [.. Enumerable.Range(0, size).OrderByDescending(j => lengths[j]).ThenBy(j => j)];
        SingularValues = [.. order.Select(j => lengths[j])];
        Left = [.. order.Select(j => Scaled(columns.AsSpan(j * size, size), lengths[j]))];
        Right = [.. order.Select(j => turns.AsSpan(j * size, size).ToArray())];
    }

    /// <summary>σ, descending.</summary>
    public double[] SingularValues { get; }

    /// <summary>Left[i] = uᵢ, or zero where σᵢ is zero.</summary>
    public double[][] Left { get; }

    /// <summary>Right[i] = vᵢ; orthonormal, also where σᵢ is zero.</summary>
    public double[][] Right { get; }

    /// <summary>Turns every pair of columns once; whether any of them had to be.</summary>
    private static bool Sweep(double[] columns, double[] turns, int size)
    {
        bool turned = false;
        for (int p = 0; p < size; p++)
        {
            for (int q = p + 1; q < size; q++)
            {
                Span<double> x = columns.AsSpan(p * size, size), y = columns.AsSpan(q * size, size);
                double xx = TensorPrimitives.SumOfSquares<double>(x), yy = TensorPrimitives.SumOfSquares<double>(y), xy = TensorPrimitives.Dot<double>(x, y);
                if (!(Math.Abs(xy) > Tolerance * Math.Sqrt(xx) * Math.Sqrt(yy))) continue;
                double zeta = (yy - xx) / (2 * xy);
                double tangent = Math.CopySign(1, zeta) / (Math.Abs(zeta) + Math.Sqrt(1 + (zeta * zeta)));
                double cosine = 1 / Math.Sqrt(1 + (tangent * tangent)), sine = cosine * tangent;
                Turn(x, y, cosine, sine);
                Turn(turns.AsSpan(p * size, size), turns.AsSpan(q * size, size), cosine, sine);
                turned = true;
            }
        }

        return turned;
    }

    private static void Turn(Span<double> x, Span<double> y, double cosine, double sine)
    {
        for (int i = 0; i < x.Length; i++)
        {
            double a = x[i], b = y[i];
            x[i] = (cosine * a) - (sine * b);
            y[i] = (sine * a) + (cosine * b);
        }
    }

    private static double[] Scaled(ReadOnlySpan<double> column, double length)
    {
        var unit = new double[column.Length];
        if (length > 0) TensorPrimitives.Divide(column, length, unit);
        return unit;
    }
}
