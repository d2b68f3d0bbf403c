using NativeFl.DataRefinement;

namespace NativeFl.Tests.DataRefinement;

public sealed class ErrorFunctionTests
{
    // By its Taylor series, which converges everywhere and, with terms below 10⁵, keeps ten digits up to 4.
    [Test]
    public void It_is_its_series([Range(-4, 4, 0.03125)] double x)
    {
        double term = x, sum = x;
        for (int n = 1; n < 200; n++)
        {
            term *= -x * x / n;
            sum += term / ((2 * n) + 1);
        }

        Assert.That(ErrorFunction.Erf(x), Is.EqualTo(2 / Math.Sqrt(Math.PI) * sum).Within(1e-10));
    }

    // The tail by its continued fraction.
    [Test]
    public void Its_tail_is_its_continued_fraction([Range(2.5, 7.5, 0.25)] double x)
    {
        double fraction = x;
        for (int n = 200; n > 0; n--) fraction = x + (n / 2.0 / fraction);
        double tail = Math.Exp(-x * x) / Math.Sqrt(Math.PI) / fraction;
        Assert.That(ErrorFunction.Erf(x), Is.EqualTo(1 - tail).Within(2e-16));
        Assert.That(ErrorFunction.Erf(-x), Is.EqualTo(-ErrorFunction.Erf(x)));
    }

    [Test]
    public void Its_ends_are_ones_and_NaN_stays()
    {
        Assert.That((ErrorFunction.Erf(double.PositiveInfinity), ErrorFunction.Erf(double.NegativeInfinity), ErrorFunction.Erf(0)), Is.EqualTo((1.0, -1.0, 0.0)));
        Assert.That(ErrorFunction.Erf(double.NaN), Is.NaN);
    }
}
