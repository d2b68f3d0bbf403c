using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>cos and sin of position · frequency for eight frequencies, accurate to about 1 ulp at any position.</summary>
/// <remarks>
/// A 31-bit position times a 24-bit frequency does not fit a double's 53 bits only beyond position 2²⁹; up to there the angle is exact.
/// It is brought into [−π/4, π/4] by q = round(angle · 2/π) and π/2 in two doubles, then rounded to f32 once: a f32 angle of 10⁵
/// would already be wrong by 0.004. The polynomials are those of Cephes' sinf and cosf (S. L. Moshier, netlib.org/cephes, single/sinf.c).
/// </remarks>
internal static class Rotation
{
    private const double TwoOverPi = 0.63661977236758134, HalfPiHigh = 1.5707963267948966, HalfPiLow = 6.123233995736766e-17;

    /// <summary>1.5 · 2⁵²: adding it leaves the nearest integer in the low bits.</summary>
    private const double Rounder = 6755399441055744;

    /// <summary>The rotation by each angle.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Of(int position, Vector256<float> frequency, out Vector256<float> cosine, out Vector256<float> sine)
    {
        (Vector256<double> low, Vector256<double> high) = Vector256.Widen(frequency);
        Vector256<double> factor = Vector256.Create((double)position);
        Vector256<double> lowAngle = Reduce(low * factor, out Vector256<long> lowQuadrant);
        Vector256<double> highAngle = Reduce(high * factor, out Vector256<long> highQuadrant);
        Vector256<int> quadrant = Vector256.Narrow(lowQuadrant, highQuadrant);
        Vector256<float> r = Vector256.Narrow(lowAngle, highAngle), square = r * r;

        Vector256<float> s = Vector256.FusedMultiplyAdd(Vector256.Create(-1.9515295891e-4f), square, Vector256.Create(8.3321608736e-3f));
        s = Vector256.FusedMultiplyAdd(s, square, Vector256.Create(-1.6666654611e-1f));
        s = Vector256.FusedMultiplyAdd(s * square, r, r);
        Vector256<float> c = Vector256.FusedMultiplyAdd(Vector256.Create(2.443315711809948e-5f), square, Vector256.Create(-1.388731625493765e-3f));
        c = Vector256.FusedMultiplyAdd(c, square, Vector256.Create(4.166664568298827e-2f));
        c = Vector256.FusedMultiplyAdd(c * square, square, Vector256.FusedMultiplyAdd(square, Vector256.Create(-0.5f), Vector256<float>.One));

        // Quadrant q turns (cos, sin) by q right angles: odd quadrants swap them; cos is negative in 1 and 2, sin in 2 and 3.
        Vector256<float> swap = Vector256.Equals(quadrant & Vector256<int>.One, Vector256<int>.One).AsSingle();
        Vector256<int> cosineSign = ((quadrant + Vector256<int>.One) & Vector256.Create(2)) << 30, sineSign = (quadrant & Vector256.Create(2)) << 30;
        cosine = Vector256.ConditionalSelect(swap, s, c) ^ cosineSign.AsSingle();
        sine = Vector256.ConditionalSelect(swap, c, s) ^ sineSign.AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Reduce(Vector256<double> angle, out Vector256<long> quadrant)
    {
        Vector256<double> shifted = Vector256.FusedMultiplyAdd(angle, Vector256.Create(TwoOverPi), Vector256.Create(Rounder));
        quadrant = shifted.AsInt64() - Vector256.Create(Rounder).AsInt64();
        Vector256<double> whole = shifted - Vector256.Create(Rounder);
        Vector256<double> r = Vector256.FusedMultiplyAdd(whole, Vector256.Create(-HalfPiHigh), angle);
        return Vector256.FusedMultiplyAdd(whole, Vector256.Create(-HalfPiLow), r);
    }
}
