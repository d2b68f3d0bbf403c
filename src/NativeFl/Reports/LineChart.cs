using System.Globalization;

namespace NativeFl.Reports;

/// <summary>Lines over a common axis, with error bars and a legend, as inline SVG without script.</summary>
public sealed record LineChart
{
    private const int Height = 380, Left = 72, Right = 190, Top = 44, Bottom = 56, LegendRow = 22;

    /// <summary>What it shows.</summary>
    public required string Title { get; init; }

    /// <summary>What runs along.</summary>
    public string XLabel { get; init; } = "";

    /// <summary>What runs up, with its unit.</summary>
    public string YLabel { get; init; } = "";

    /// <summary>Whether x counts something, so that ticks stay whole.</summary>
    public bool HasWholeX { get; init; } = true;

    /// <summary>Whether the axis upwards begins at zero, so that heights can be compared.</summary>
    public bool IsFromZero { get; init; }

    /// <summary>The lines, in the legend's order.</summary>
    public required IReadOnlyList<PlotSeries> Series { get; init; }

    /// <summary>The chart as one svg element; every finite point is one circle with a tooltip.</summary>
    public string ToSvg()
    {
        int height = Math.Max(Height, Top + Bottom + (LegendRow * Series.Count));
        var frame = new PlotFrame(
            Left, Top, PlotStyle.Width - Left - Right, height - Top - Bottom,
            PlotAxis.For(Series.SelectMany(s => s.X), 6, wholeNumbers: HasWholeX),
            PlotAxis.For(Series.SelectMany(Heights), fromZero: IsFromZero));
        using var svg = new Markup();
        SvgElements.Open(svg, height, Title, Description());
        SvgElements.Axes(svg, frame, XLabel, YLabel);
        for (int i = 0; i < Series.Count; i++)
        {
            Line(svg, frame, Series[i], i);
            Legend(svg, Series[i].Name, i);
        }

        return svg.Close().ToString();
    }

    private static IEnumerable<double> Heights(PlotSeries series) =>
        series.Y.SelectMany((y, i) => new[] { y - ErrorOf(series, i), y + ErrorOf(series, i) });

    private static double ErrorOf(PlotSeries series, int i) =>
        series.Errors is { } errors && double.IsFinite(errors[i]) ? errors[i] : 0;

    private static void Line(Markup svg, PlotFrame frame, PlotSeries series, int index)
    {
        string colour = PlotStyle.Colour(index);
        string path = "";
        bool isDown = false;
        for (int i = 0; i < series.Y.Count; i++)
        {
            bool isFinite = double.IsFinite(series.Y[i]);
            if (isFinite) path += (isDown ? "L" : "M") + frame.Point(series.X[i], series.Y[i]);
            isDown = isFinite;
        }

        if (path.Length > 0)
            svg.Open("path", ("d", path), ("style", $"fill:none;stroke:{colour};stroke-width:2;stroke-dasharray:{PlotStyle.Dashes(index)}")).Close();
        for (int i = 0; i < series.Y.Count; i++)
        {
            if (!double.IsFinite(series.Y[i])) continue;
            double error = ErrorOf(series, i);
            if (error > 0) SvgElements.VerticalErrorBar(svg, frame, series.X[i], series.Y[i], error, colour);
            string tip = string.Create(CultureInfo.InvariantCulture, $"{series.Name}: {series.X[i]:0.####} → {series.Y[i]:0.####}")
                + (error > 0 ? string.Create(CultureInfo.InvariantCulture, $" ± {error:0.####}") : "");
            svg.Open("circle", ("cx", frame.X(series.X[i])), ("cy", frame.Y(series.Y[i])), ("r", "3.2"), ("style", "fill:" + colour))
                .Element("title", tip).Close();
        }
    }

    private static void Legend(Markup svg, string name, int index)
    {
        double y = Top + 8 + (index * LegendRow), x = PlotStyle.Width - Right + 16;
        svg.Open(
            "path", ("d", $"M{Markup.Coordinate(x)},{Markup.Coordinate(y)}h22"),
            ("style", $"stroke:{PlotStyle.Colour(index)};stroke-width:3;stroke-dasharray:{PlotStyle.Dashes(index)}")).Close();
        SvgElements.Label(svg, x + 28, y + 4, name, "start", PlotStyle.Ink);
    }

    private string Description() => $"Lines of {YLabel} over {XLabel}: " + string.Join("; ", Series.Select(s =>
        s.Y.Count == 0 ? s.Name : string.Create(CultureInfo.InvariantCulture, $"{s.Name} ends at {s.Y[^1]:0.####}")));
}
