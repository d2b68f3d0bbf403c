namespace NativeFl.Tests.Reference;

/// <summary>Singular values of a small dense matrix: the roots of the eigenvalues of M Mᵀ or Mᵀ M, by cyclic two-sided Jacobi rotations.</summary>
internal static class SingularValues
{
    /// <summary>All min(rows, columns) of them, descending.</summary>
    public static double[] Of(double[] matrix, int rows, int columns)
    {
        int n = Math.Min(rows, columns);
        var gram = new double[n, n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                for (int k = 0; k < Math.Max(rows, columns); k++)
                    gram[i, j] += rows <= columns ? matrix[(i * columns) + k] * matrix[(j * columns) + k] : matrix[(k * columns) + i] * matrix[(k * columns) + j];
            }
        }

        for (int sweep = 0; sweep < 50; sweep++)
        {
            for (int p = 0; p < n; p++)
            {
                for (int q = p + 1; q < n; q++) Rotate(gram, n, p, q);
            }
        }

        return [.. Enumerable.Range(0, n).Select(i => Math.Sqrt(Math.Max(0, gram[i, i]))).OrderDescending()];
    }

    private static void Rotate(double[,] m, int n, int p, int q)
    {
        if (m[p, q] == 0) return;
        double angle = 0.5 * Math.Atan2(2 * m[p, q], m[q, q] - m[p, p]), c = Math.Cos(angle), s = Math.Sin(angle);
        for (int k = 0; k < n; k++) (m[k, p], m[k, q]) = ((c * m[k, p]) - (s * m[k, q]), (s * m[k, p]) + (c * m[k, q]));
        for (int k = 0; k < n; k++) (m[p, k], m[q, k]) = ((c * m[p, k]) - (s * m[q, k]), (s * m[p, k]) + (c * m[q, k]));
    }
}
