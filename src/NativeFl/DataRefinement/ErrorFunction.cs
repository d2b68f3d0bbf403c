namespace NativeFl.DataRefinement;

/// <summary>
/// erf(x) = 2/√π ∫₀ˣ exp(−t²) dt in double, by the three rational approximations of W. J. Cody, "Rational Chebyshev approximations for the error
/// function", Math. Comp. 23, 1969: exact to a few units in the last place.
/// </summary>
internal static class ErrorFunction
{
    private static ReadOnlySpan<double> SmallUpper =>
        [1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3];

    private static ReadOnlySpan<double> SmallLower => [1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3];

    private static ReadOnlySpan<double> MiddleUpper =>
    [
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
        1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
    ];

    private static ReadOnlySpan<double> MiddleLower =>
    [
        1, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
        3.43936767414372164e3, 1.23033935480374942e3,
    ];

    private static ReadOnlySpan<double> LargeUpper =>
    [
        1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4,
    ];

    private static ReadOnlySpan<double> LargeLower =>
        [1, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3];

    public static double Erf(double x)
    {
        double size = Math.Abs(x), square = x * x;
        if (size <= 0.46875) return x * Polynomial(SmallUpper, square) / Polynomial(SmallLower, square);
        if (size > 6) return double.IsNaN(x) ? x : Math.Sign(x);
        double tail;
        if (size <= 4)
        {
            tail = Polynomial(MiddleUpper, size) / Polynomial(MiddleLower, size);
        }
        else
        {
            double inverse = 1 / square, oneOverRootPi = 0.56418958354775628695;
            tail = (oneOverRootPi - (inverse * Polynomial(LargeUpper, inverse) / Polynomial(LargeLower, inverse))) / size;
        }

        return Math.CopySign(1 - (tail * Math.Exp(-square)), x);
    }

    /// <summary>The coefficient of the highest power first.</summary>
    private static double Polynomial(ReadOnlySpan<double> coefficients, double x)
    {
        double sum = 0;
        foreach (double coefficient in coefficients) sum = (sum * x) + coefficient;
        return sum;
    }
}
