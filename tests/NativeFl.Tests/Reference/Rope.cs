namespace NativeFl.Tests.Reference;

/// <summary>Turns the pairs (j, j + D/2) of every head by position · frequency. Plain loops in double.</summary>
internal static class Rope
{
    public static double[] Forward(int[] positions, double[] frequencies, double[] x) => Turn(positions, frequencies, x, 1);

    public static double[] Backward(int[] positions, double[] frequencies, double[] dx) => Turn(positions, frequencies, dx, -1);

    private static double[] Turn(int[] positions, double[] frequencies, double[] x, int direction)
    {
        double[] y = new double[x.Length];
        int half = frequencies.Length, columns = x.Length / positions.Length;
        for (int n = 0; n < positions.Length; n++)
        {
            for (int head = 0; head < columns; head += 2 * half)
            {
                for (int j = 0; j < half; j++)
                {
                    double angle = positions[n] * frequencies[j] * direction;
                    int i = (n * columns) + head + j;
                    y[i] = (x[i] * Math.Cos(angle)) - (x[i + half] * Math.Sin(angle));
                    y[i + half] = (x[i + half] * Math.Cos(angle)) + (x[i] * Math.Sin(angle));
                }
            }
        }

        return y;
    }
}
