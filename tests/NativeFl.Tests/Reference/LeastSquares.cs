namespace NativeFl.Tests.Reference;

/// <summary>min over X of ‖A X − B‖² + λ ‖X‖² without normal equations: A, with √λ I below it, made triangular by Givens rotations, which B follows.</summary>
internal static class LeastSquares
{
    /// <summary>X (p, q), row-major, of A (n, p) and B (n, q).</summary>
    public static double[] Solve(double[] a, double[] b, int n, int p, int q, double lambda)
    {
        int rows = n + p, width = p + q;
        var m = new double[rows, width];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < p; j++) m[i, j] = a[(i * p) + j];
            for (int j = 0; j < q; j++) m[i, p + j] = b[(i * q) + j];
        }

        for (int j = 0; j < p; j++) m[n + j, j] = Math.Sqrt(lambda);
        for (int column = 0; column < p; column++)
        {
            for (int row = column + 1; row < rows; row++) Rotate(m, column, row, width);
        }

        var x = new double[p * q];
        for (int k = 0; k < q; k++)
        {
            for (int i = p - 1; i >= 0; i--)
            {
                double sum = m[i, p + k];
                for (int j = i + 1; j < p; j++) sum -= m[i, j] * x[(j * q) + k];
                x[(i * q) + k] = sum / m[i, i];
            }
        }

        return x;
    }

    private static void Rotate(double[,] m, int column, int row, int width)
    {
        double length = Math.Sqrt((m[column, column] * m[column, column]) + (m[row, column] * m[row, column]));
        if (length == 0) return;
        double c = m[column, column] / length, s = m[row, column] / length;
        for (int j = column; j < width; j++)
            (m[column, j], m[row, j]) = ((c * m[column, j]) + (s * m[row, j]), (c * m[row, j]) - (s * m[column, j]));
    }
}
