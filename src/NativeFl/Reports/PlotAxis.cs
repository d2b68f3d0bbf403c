using System.Globalization;

namespace NativeFl.Reports;

/// <summary>A linear axis: a range that holds the data, cut at round numbers.</summary>
internal sealed class PlotAxis
{
    private readonly double _step;

    private PlotAxis(double minimum, double maximum, double step)
    {
        Minimum = minimum;
        Maximum = maximum;
        _step = step;
        int count = (int)Math.Round((maximum - minimum) / step) + 1;
        Ticks = [.. Enumerable.Range(0, count).Select(i => minimum + (i * step))];
    }

    public double Minimum { get; }

    public double Maximum { get; }

    public IReadOnlyList<double> Ticks { get; }

    /// <summary>The axis for some data with about <paramref name="ticks"/> intervals of 1, 2 or 5 times a power of ten.</summary>
    public static PlotAxis For(IEnumerable<double> values, int ticks = 5, bool fromZero = false, bool wholeNumbers = false)
    {
        double[] finite = [.. values.Where(double.IsFinite)];
        double low = finite.Length == 0 ? 0 : finite.Min(), high = finite.Length == 0 ? 1 : finite.Max();
        if (fromZero) (low, high) = (Math.Min(low, 0), Math.Max(high, 0));
        if (high - low <= 1e-12 * Math.Max(Math.Abs(low), Math.Abs(high)) || high - low < double.Epsilon * 1e10)
        {
            double spread = high == 0 ? 1 : Math.Abs(high) / 2;
            (low, high) = fromZero && low == 0 ? (0, high == 0 ? 1 : high) : (low - spread, high + spread);
        }

        double step = RoundStep((high - low) / ticks);
        if (wholeNumbers) step = Math.Max(1, step);
        return new PlotAxis(Math.Floor((low / step) + 1e-9) * step, Math.Ceiling((high / step) - 1e-9) * step, step);
    }

    /// <summary>Where a value lies, 0 at the minimum and 1 at the maximum.</summary>
    public double Fraction(double value) => (value - Minimum) / (Maximum - Minimum);

    /// <summary>A tick as text, with the decimals that its step needs.</summary>
    public string Label(double tick)
    {
        if (Math.Abs(tick) < _step / 2) return "0";
        int decimals = (int)Math.Ceiling(-Math.Log10(_step) - 1e-9);
        return decimals > 6 || Math.Abs(tick) >= 1e6
            ? tick.ToString("0.##e+0", CultureInfo.InvariantCulture)
            : tick.ToString("F" + Math.Max(0, decimals), CultureInfo.InvariantCulture);
    }

    private static double RoundStep(double step)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(step)));
        double fraction = step / power;
        return power * (fraction <= 1.0000001 ? 1 : fraction <= 2.0000001 ? 2 : fraction <= 5.0000001 ? 5 : 10);
    }
}
