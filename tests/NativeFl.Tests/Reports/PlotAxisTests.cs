using CsCheck;
using NativeFl.Reports;

namespace NativeFl.Tests.Reports;

public sealed class PlotAxisTests
{
    [Test]
    public void Every_axis_holds_its_data_between_few_round_ticks() =>
        Gen.Double[-1e6, 1e6].Array[1, 20].Sample(values =>
        {
            PlotAxis axis = PlotAxis.For(values);
            double slack = 1e-9 * (axis.Maximum - axis.Minimum);
            Assert.That(axis.Minimum, Is.LessThanOrEqualTo(values.Min() + slack));
            Assert.That(axis.Maximum, Is.GreaterThanOrEqualTo(values.Max() - slack));
            Assert.That(axis.Ticks, Has.Count.InRange(2, 12));
            Assert.That(axis.Ticks.Select(axis.Label).Distinct().Count(), Is.EqualTo(axis.Ticks.Count), "two ticks read alike");
        });

    [TestCase(new[] { 0.0, 1.0 }, new[] { "0", "0.2", "0.4", "0.6", "0.8", "1.0" })]
    [TestCase(new[] { 2.31, 2.49 }, new[] { "2.30", "2.35", "2.40", "2.45", "2.50" })]
    [TestCase(new[] { 5.0 }, new[] { "2", "3", "4", "5", "6", "7", "8" })]
    [TestCase(new double[0], new[] { "0", "0.2", "0.4", "0.6", "0.8", "1.0" })]
    [TestCase(new[] { double.NaN, 0, 10 }, new[] { "0", "2", "4", "6", "8", "10" })]
    public void Ticks_are_round_numbers(double[] values, string[] expected)
    {
        PlotAxis axis = PlotAxis.For(values);
        Assert.That(axis.Ticks.Select(axis.Label), Is.EqualTo(expected));
    }

    [Test]
    public void Counted_things_get_whole_ticks()
    {
        PlotAxis axis = PlotAxis.For([1, 2, 3], 6, wholeNumbers: true);
        Assert.That(axis.Ticks.Select(axis.Label), Is.EqualTo(new[] { "1", "2", "3" }));
    }

    [Test]
    public void Bars_start_at_zero()
    {
        PlotAxis axis = PlotAxis.For([0.61, 0.72], fromZero: true);
        Assert.That(axis.Minimum, Is.Zero);
        Assert.That(axis.Maximum, Is.EqualTo(0.8).Within(1e-12));
    }
}
