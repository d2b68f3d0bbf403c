namespace NativeFl.Tests.Reference;

/// <summary>sums[c] += Σ_n x[n, c] in double, with Σ|terms| of every element beside it.</summary>
internal static class ColumnSum
{
    public static (double[] Value, double[] Magnitude) Accumulate(double[] x, double[] sums)
    {
        double[] value = [.. sums], magnitude = [.. sums.Select(Math.Abs)];
        for (int i = 0; i < x.Length; i++)
        {
            value[i % sums.Length] += x[i];
            magnitude[i % sums.Length] += Math.Abs(x[i]);
        }

        return (value, magnitude);
    }
}
