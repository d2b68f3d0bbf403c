using System.Globalization;

namespace NativeFl.Reports;

/// <summary>Horizontal bars with error bars and their values beside them, as inline SVG without script.</summary>
public sealed record BarChart
{
    private const int Row = 30, Top = 44, Bottom = 56, Right = 120, Thickness = 18;

    /// <summary>What it shows.</summary>
    public required string Title { get; init; }

    /// <summary>What the bars measure, with its unit.</summary>
    public string ValueLabel { get; init; } = "";

    /// <summary>How the value is written beside its bar.</summary>
    public string ValueFormat { get; init; } = "0.###";

    /// <summary>The bars from top to bottom.</summary>
    public required IReadOnlyList<PlotBar> Bars { get; init; }

    /// <summary>The chart as one svg element; every finite value is one rect with a tooltip.</summary>
    public string ToSvg()
    {
        // About 7.2 pixels a letter at this size; the longest label decides where the bars begin.
        double left = Math.Min(300, 40 + (7.2 * Bars.Select(b => b.Label.Length).DefaultIfEmpty(0).Max()));
        PlotAxis across = PlotAxis.For(Bars.SelectMany(b => new[] { b.Value - b.Error, b.Value + b.Error }), 6, fromZero: true);
        var frame = new PlotFrame(left, Top, PlotStyle.Width - left - Right, Row * Bars.Count, across, PlotAxis.For([0, 1]));
        using var svg = new Markup();
        SvgElements.Open(svg, Top + Bottom + (Row * Bars.Count), Title, Description());
        SvgElements.AxisBelow(svg, frame, ValueLabel);
        for (int i = 0; i < Bars.Count; i++) Bar(svg, frame, Bars[i], Top + (Row * (i + 0.5)));
        return svg.Close().ToString();
    }

    private void Bar(Markup svg, PlotFrame frame, PlotBar bar, double middle)
    {
        SvgElements.Label(svg, frame.Left - 8, middle + 4, bar.Label, "end", PlotStyle.Ink);
        double end = frame.Column(0);
        if (double.IsFinite(bar.Value))
        {
            double zero = frame.Column(0), tip = frame.Column(bar.Value), half = Thickness / 2.0;
            svg.Open(
                "rect", ("x", Markup.Coordinate(Math.Min(zero, tip))), ("y", Markup.Coordinate(middle - half)),
                ("width", Markup.Coordinate(Math.Abs(tip - zero))), ("height", Markup.Coordinate(Thickness)), ("rx", "2"),
                ("style", "fill:" + PlotStyle.Colour(bar.IsHighlighted ? 1 : 0)));
            svg.Element("title", $"{bar.Label}: {Text(bar)}").Close().Line();
            end = Math.Max(zero, tip);
            if (bar.Error > 0)
            {
                SvgElements.HorizontalErrorBar(svg, frame.Column(bar.Value - bar.Error), frame.Column(bar.Value + bar.Error), middle, PlotStyle.Ink);
                end = Math.Max(end, frame.Column(bar.Value + bar.Error));
            }
        }

        SvgElements.Label(svg, end + 8, middle + 4, Text(bar), "start", PlotStyle.Ink);
    }

    private string Text(PlotBar bar)
    {
        if (!double.IsFinite(bar.Value)) return "not finite";
        string value = bar.Value.ToString(ValueFormat, CultureInfo.InvariantCulture);
        return bar.Error > 0 ? value + " ± " + bar.Error.ToString(ValueFormat, CultureInfo.InvariantCulture) : value;
    }

    private string Description() => $"Bars of {ValueLabel}: " + string.Join("; ", Bars.Select(b => $"{b.Label} {Text(b)}"));
}
