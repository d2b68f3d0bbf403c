namespace NativeFl.Reports;

/// <summary>What every chart has: its root, its axes, its labels, its error bars.</summary>
internal static class SvgElements
{
    private const double Cap = 4;

    /// <summary>The root with an accessible title and description; the caller closes it.</summary>
    public static void Open(Markup svg, int height, string title, string description)
    {
        string width = Markup.Coordinate(PlotStyle.Width), tall = Markup.Coordinate(height);
        svg.Open(
            "svg", ("viewBox", $"0 0 {width} {tall}"), ("width", width), ("height", tall), ("role", "img"),
            ("font-family", "system-ui, sans-serif"), ("font-size", "13"));
        svg.Element("title", title).Element("desc", description).Line();
        svg.Element("text", title, ("x", "12"), ("y", "24"), ("style", $"fill:{PlotStyle.Ink};font-size:15px;font-weight:600")).Line();
    }

    public static void Label(Markup svg, double x, double y, string text, string anchor, string colour) =>
        svg.Element(
            "text", text, ("x", Markup.Coordinate(x)), ("y", Markup.Coordinate(y)), ("text-anchor", anchor), ("style", "fill:" + colour)).Line();

    /// <summary>Grid lines and tick labels both ways, and the two axis labels.</summary>
    public static void Axes(Markup svg, PlotFrame frame, string xLabel, string yLabel)
    {
        foreach (double tick in frame.Up.Ticks)
        {
            Line(svg, $"M{Markup.Coordinate(frame.Left)},{frame.Y(tick)}h{Markup.Coordinate(frame.Width)}", PlotStyle.Grid, 1);
            Label(svg, frame.Left - 8, frame.Row(tick) + 4, frame.Up.Label(tick), "end", PlotStyle.Muted);
        }

        double bottom = frame.Top + frame.Height;
        foreach (double tick in frame.Across.Ticks)
        {
            Line(svg, $"M{frame.X(tick)},{Markup.Coordinate(bottom)}v5", PlotStyle.Muted, 1);
            Label(svg, frame.Column(tick), bottom + 20, frame.Across.Label(tick), "middle", PlotStyle.Muted);
        }

        Line(svg, $"M{Markup.Coordinate(frame.Left)},{Markup.Coordinate(bottom)}h{Markup.Coordinate(frame.Width)}", PlotStyle.Muted, 1);
        Label(svg, frame.Left + (frame.Width / 2), bottom + 42, xLabel, "middle", PlotStyle.Ink);
        string middle = Markup.Coordinate(frame.Top + (frame.Height / 2));
        svg.Element(
            "text", yLabel, ("x", "18"), ("y", middle), ("text-anchor", "middle"), ("transform", $"rotate(-90 18 {middle})"),
            ("style", "fill:" + PlotStyle.Ink)).Line();
    }

    /// <summary>Grid lines and tick labels of the axis below only.</summary>
    public static void AxisBelow(Markup svg, PlotFrame frame, string label)
    {
        double bottom = frame.Top + frame.Height;
        foreach (double tick in frame.Across.Ticks)
        {
            Line(svg, $"M{frame.X(tick)},{Markup.Coordinate(frame.Top)}V{Markup.Coordinate(bottom + 4)}", PlotStyle.Grid, 1);
            Label(svg, frame.Column(tick), bottom + 20, frame.Across.Label(tick), "middle", PlotStyle.Muted);
        }

        Label(svg, frame.Left + (frame.Width / 2), bottom + 42, label, "middle", PlotStyle.Ink);
    }

    public static void VerticalErrorBar(Markup svg, PlotFrame frame, double x, double y, double error, string colour)
    {
        string left = Markup.Coordinate(frame.Column(x) - Cap), width = Markup.Coordinate(2 * Cap);
        string low = frame.Y(y - error), high = frame.Y(y + error);
        Line(svg, $"M{frame.X(x)},{low}V{high}M{left},{low}h{width}M{left},{high}h{width}", colour, 1.2, "error");
    }

    public static void HorizontalErrorBar(Markup svg, double low, double high, double y, string colour)
    {
        string top = Markup.Coordinate(y - Cap), height = Markup.Coordinate(2 * Cap), a = Markup.Coordinate(low), b = Markup.Coordinate(high);
        Line(svg, $"M{a},{Markup.Coordinate(y)}H{b}M{a},{top}v{height}M{b},{top}v{height}", colour, 1.4, "error");
    }

    private static void Line(Markup svg, string path, string colour, double width, string kind = "axis") =>
        svg.Open("path", ("class", kind), ("d", path), ("style", $"fill:none;stroke:{colour};stroke-width:{Markup.Coordinate(width)}")).Close().Line();
}
