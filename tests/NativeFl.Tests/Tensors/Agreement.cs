namespace NativeFl.Tests.Tensors;

/// <summary>What tests say about two arrays of numbers.</summary>
internal static class Agreement
{
    /// <summary>
    /// Every |got − expected| is at most <paramref name="tolerance"/> of |expected| + size, where size is the root mean square of all that
    /// was expected, or <paramref name="terms"/> if that is more: the size of terms that cancel in the result.
    /// </summary>
    public static void Close(float[] got, double[] expected, double tolerance, string what = "", double terms = 0)
    {
        Assert.That(got, Has.Length.EqualTo(expected.Length), what);
        double size = Math.Max(terms, Math.Sqrt(expected.Sum(x => x * x) / Math.Max(1, expected.Length)));
        int worst = -1;
        double worstExcess = 0;
        for (int i = 0; i < got.Length; i++)
        {
            double excess = Math.Abs(got[i] - expected[i]) - (tolerance * (Math.Abs(expected[i]) + size));
            if (excess <= worstExcess) continue; // a NaN goes on
            worst = i;
            worstExcess = excess;
            if (double.IsNaN(excess)) break;
        }

        if (worst >= 0) Assert.Fail($"{what}[{worst}]: expected {expected[worst]:R}, got {got[worst]:R}, tolerance {tolerance:E2} of {size:E2}");
    }

    /// <summary>Two double-precision gradients, one of them by central differences.</summary>
    public static void CloseToDifferences(double[] gradient, double[] differences, string what = "") =>
        Close([.. differences.Select(x => (float)x)], gradient, 1e-6, what);

    public static uint[] Bits(float[] values) => [.. values.Select(BitConverter.SingleToUInt32Bits)];
}
