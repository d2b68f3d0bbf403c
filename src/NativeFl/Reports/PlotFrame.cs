namespace NativeFl.Reports;

/// <summary>The rectangle of a chart in which the data is, and where a value falls in it.</summary>
internal sealed record PlotFrame(double Left, double Top, double Width, double Height, PlotAxis Across, PlotAxis Up)
{
    public double Column(double value) => Left + (Across.Fraction(value) * Width);

    public double Row(double value) => Top + ((1 - Up.Fraction(value)) * Height);

    public string X(double value) => Markup.Coordinate(Column(value));

    public string Y(double value) => Markup.Coordinate(Row(value));

    public string Point(double x, double y) => X(x) + "," + Y(y);
}
