namespace NativeFl.Tests.Reference;

/// <summary>y = x rstd w with rstd = (mean x² + ε)^(−1/2) per row. Plain loops in double.</summary>
internal static class RmsNorm
{
    public static (double[] Y, double[] Rstd) Forward(double[] x, double[] w, double epsilon)
    {
        int columns = w.Length, rows = x.Length / columns;
        double[] y = new double[x.Length], rstd = new double[rows];
        for (int n = 0; n < rows; n++)
        {
            double square = 0;
            for (int c = 0; c < columns; c++) square += x[(n * columns) + c] * x[(n * columns) + c];
            rstd[n] = 1 / Math.Sqrt((square / columns) + epsilon);
            for (int c = 0; c < columns; c++) y[(n * columns) + c] = x[(n * columns) + c] * rstd[n] * w[c];
        }

        return (y, rstd);
    }

    public static (double[] DX, double[] DW) Backward(double[] dy, double[] x, double[] w, double epsilon)
    {
        int columns = w.Length, rows = x.Length / columns;
        double[] dx = new double[x.Length], dw = new double[columns], rstd = Forward(x, w, epsilon).Rstd;
        for (int n = 0; n < rows; n++)
        {
            double mean = 0;
            for (int c = 0; c < columns; c++) mean += w[c] * dy[(n * columns) + c] * x[(n * columns) + c] / columns;
            for (int c = 0; c < columns; c++)
            {
                int i = (n * columns) + c;
                dx[i] = rstd[n] * ((w[c] * dy[i]) - (x[i] * rstd[n] * rstd[n] * mean));
                dw[c] += dy[i] * x[i] * rstd[n];
            }
        }

        return (dx, dw);
    }
}
