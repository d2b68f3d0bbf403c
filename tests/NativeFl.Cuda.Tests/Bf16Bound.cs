namespace NativeFl.Cuda.Tests;

/// <summary>
/// How far a model in bf16 may be from the float64 reference in full precision. A rounding to bf16 errs by at most 2⁻⁸ of the value, and in
/// the root mean square by less than u = 2⁻⁹: an error even within ±2⁻⁸ 2ᵉ is 2⁻⁸ / √3 of 2ᵉ, and less of what lies above 2ᵉ.
/// </summary>
internal static class Bf16Bound
{
    /// <summary>
    /// What a block rounds. Attention: norm, query, key, value, two rotations, probability, output of the heads, projection, sum; MLP: norm,
    /// gate, up, SwiGLU, projection, sum; weights beside.
    /// </summary>
    public const int Base = 16;

    /// <summary>With an adapter beside the base the outputs of seven projections are rounded once more; with one merged into it, their weights are.</summary>
    public const int Adapted = 23;

    /// <summary>u, in the root mean square.</summary>
    public const double Roundoff = 1.0 / 512;

    /// <summary>Roundings of L blocks add up like a random walk: u √(L n), and twice that for what a block amplifies. Relative to the norm, or to a loss.</summary>
    public static double Of(int layers, int roundings) => 2 * Roundoff * Math.Sqrt((double)layers * roundings);
}
