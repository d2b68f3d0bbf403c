using System.Runtime.Intrinsics;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

public sealed class ExponentialTests
{
    [Test]
    public void Exp_is_within_one_and_a_half_units_in_the_last_place()
    {
        double worst = 0;
        for (double x = -87.3; x < 88.7; x += 0.00037)
        {
            double exact = Math.Exp((float)x);
            double unit = (double)MathF.BitIncrement((float)exact) - (float)exact;
            worst = Math.Max(worst, Math.Abs(Exponential.Of((float)x) - exact) / unit);
        }

        Assert.That(worst, Is.LessThan(1.5));
    }

    [Test]
    public void Exp_of_subnormal_results_is_within_one_unit()
    {
        for (double x = -103.9; x < -87.3; x += 0.0037)
            Assert.That(Exponential.Of((float)x), Is.EqualTo(Math.Exp((float)x)).Within((double)float.Epsilon), $"{x}");
    }

    [TestCase(0f, 1f)]
    [TestCase(float.NegativeInfinity, 0f)]
    [TestCase(float.PositiveInfinity, float.PositiveInfinity)]
    [TestCase(float.NaN, float.NaN)]
    [TestCase(-104f, 0f)]
    [TestCase(float.MinValue, 0f)]
    [TestCase(88.73f, float.PositiveInfinity)]
    [TestCase(float.MaxValue, float.PositiveInfinity)]
    public void Exp_is_right_at_the_ends(float x, float expected)
    {
        Assert.That(Exponential.Of(x), Is.EqualTo(expected));
    }

    [Test]
    public void Both_forms_agree_where_the_result_is_normal()
    {
        for (float x = -87.2f; x <= 0; x += 0.0137f)
            Assert.That(Exponential.NonPositive(Vector256.Create(x)).ToScalar(), Is.EqualTo(Exponential.Of(x)), $"{x}");
    }

    [TestCase(-88f, 0f)]
    [TestCase(float.NegativeInfinity, 0f)]
    [TestCase(float.NaN, float.NaN)]
    public void The_form_for_softmax_flushes_and_keeps_NaN(float x, float expected)
    {
        Assert.That(Exponential.NonPositive(Vector256.Create(x)).ToScalar(), Is.EqualTo(expected));
    }
}
