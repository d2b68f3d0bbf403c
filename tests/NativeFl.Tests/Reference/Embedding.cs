namespace NativeFl.Tests.Reference;

/// <summary>x[n] = table[tokens[n]]. Plain loops in double.</summary>
internal static class Embedding
{
    public static double[] Forward(double[] table, int columns, int[] tokens) =>
        [.. tokens.SelectMany(token => table[(token * columns)..((token + 1) * columns)])];

    public static double[] Backward(double[] dx, int rows, int columns, int[] tokens)
    {
        double[] dTable = new double[rows * columns];
        for (int n = 0; n < tokens.Length; n++)
        {
            for (int c = 0; c < columns; c++) dTable[(tokens[n] * columns) + c] += dx[(n * columns) + c];
        }

        return dTable;
    }
}
