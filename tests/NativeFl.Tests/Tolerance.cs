using NativeFl.Tensors;

namespace NativeFl.Tests;

/// <summary>
/// How far a result may be from the double-precision reference, in one place. A sum of n rounded products, in any order, is off by
/// at most n u Σ|terms| (Higham 2002, §3.1), and with probability 1 − 2n exp(−λ²/2) by at most λ √n u Σ|terms| (Higham and Mary
/// 2019, theorem 3.1; u = 2⁻²⁴ in f32). λ = 8 makes a false alarm rarer than 10⁻⁹ at the lengths tested. Storing in bf16 adds its
/// unit roundoff 2⁻⁸. The bound is relative to the sum of the magnitudes of the terms, or to the largest reference value where a test
/// knows no better.
/// </summary>
internal static class Tolerance
{
    private const double Lambda = 8;

    /// <summary>The relative error allowed after a sum of so many terms, stored as <paramref name="dtype"/>.</summary>
    public static double For(DType dtype, long reductionLength) =>
        (Lambda * Math.Sqrt(Math.Max(1, reductionLength)) * Math.ScaleB(1, -24)) + (dtype == DType.BF16 ? Math.ScaleB(1, -8) : 0);

    /// <summary>|got − expected| ≤ tolerance · magnitude for every element; names the worst one otherwise.</summary>
    public static void AssertClose(ReadOnlySpan<float> got, ReadOnlySpan<double> expected, ReadOnlySpan<double> magnitude, double tolerance)
    {
        Assert.That(got.Length, Is.EqualTo(expected.Length), "number of elements");
        int worst = -1;
        double excess = 1;
        for (int i = 0; i < got.Length; i++)
        {
            double ratio = Math.Abs(got[i] - expected[i]) / ((tolerance * magnitude[i]) + double.Epsilon);
            if (ratio <= excess) continue; // a NaN is not
            worst = i;
            excess = ratio;
            if (double.IsNaN(ratio)) break;
        }
        if (worst >= 0)
        {
            Assert.Fail(
                $"element {worst}: got {got[worst]:R}, expected {expected[worst]:R}, {excess:G3} times the tolerance {tolerance:G3}");
        }
    }

    /// <summary>As above, relative to the largest reference value.</summary>
    public static void AssertClose(ReadOnlySpan<float> got, ReadOnlySpan<double> expected, double tolerance)
    {
        double largest = 0;
        foreach (double value in expected) largest = Math.Max(largest, Math.Abs(value));
        double[] magnitude = new double[expected.Length];
        Array.Fill(magnitude, largest);
        AssertClose(got, expected, magnitude, tolerance);
    }
}
