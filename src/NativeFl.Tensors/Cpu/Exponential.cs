using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>e^x for eight floats.</summary>
/// <remarks>
/// x = n ln 2 + r with n = round(x / ln 2), |r| ≤ ln 2 / 2; e^x = 2^n e^r with the minimax polynomial of degree 7 of Cephes' expf
/// (S. L. Moshier, netlib.org/cephes, single/expf.c), whose own relative error is below 2e-8. ln 2 is split in two so that n · hi
/// is exact. The error stays below 1.5 ulp over the whole range, and below 1 unit for subnormal results.
/// </remarks>
internal static class Exponential
{
    private const float Log2E = 1.44269504088896341f, Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f;

    /// <summary>1.5 · 2²³: adding it leaves the nearest integer in the low bits.</summary>
    private const float Rounder = 12582912f;

    /// <summary>e^x: +∞ above 88.72, 0 below −103.97 and at −∞, NaN for NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Of(Vector256<float> x)
    {
        // The limit comes first: where x is NaN, x86 returns the second operand and others return NaN.
        x = Vector256.MaxNative(Vector256.Create(-105f), x);
        x = Vector256.MinNative(Vector256.Create(89f), x);
        Vector256<float> power = Reduced(x, out Vector256<int> n);

        // 2^n in two factors, for n below the smallest normal exponent and for n = 128. The first product is exact.
        Vector256<int> half = n >> 1;
        return power * PowerOfTwo(half) * PowerOfTwo(n - half);
    }

    /// <summary>e^x where x ≤ 0 up to rounding: the same, but 0 below −87.3, where the result would be subnormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> NonPositive(Vector256<float> x)
    {
        Vector256<float> lowest = Vector256.Create(-87.3f);
        Vector256<float> power = Reduced(Vector256.MaxNative(lowest, x), out Vector256<int> n);
        return Vector256.AndNot(power * PowerOfTwo(n), Vector256.LessThan(x, lowest));
    }

    /// <summary>One float, with the bits that a lane of a vector would get.</summary>
    public static float Of(float x) => Of(Vector256.Create(x)).ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Reduced(Vector256<float> x, out Vector256<int> n)
    {
        Vector256<float> shifted = Vector256.FusedMultiplyAdd(x, Vector256.Create(Log2E), Vector256.Create(Rounder));
        n = shifted.AsInt32() - Vector256.Create(Rounder).AsInt32();
        Vector256<float> whole = shifted - Vector256.Create(Rounder);
        Vector256<float> r = Vector256.FusedMultiplyAdd(whole, Vector256.Create(-Ln2High), x);
        r = Vector256.FusedMultiplyAdd(whole, Vector256.Create(-Ln2Low), r);
        Vector256<float> p = Vector256.Create(1.9875691500e-4f);
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.3981999507e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(8.3334519073e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(4.1665795894e-2f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.6666665459e-1f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(5.0000001201e-1f));
        return Vector256.FusedMultiplyAdd(p, r * r, r) + Vector256<float>.One;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PowerOfTwo(Vector256<int> n) => ((n + Vector256.Create(127)) << 23).AsSingle();
}
