namespace NativeFl.Reports;

/// <summary>One line of a <see cref="LineChart"/>.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="X">Where the points are.</param>
/// <param name="Y">How high they are; a value that is not finite leaves a gap.</param>
public sealed record PlotSeries(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y)
{
    /// <summary>Half the length of each point's error bar, such as its standard error; null for none.</summary>
    public IReadOnlyList<double>? Errors { get; init; }
}
