namespace NativeFl.Reports;

/// <summary>One bar of a <see cref="BarChart"/>.</summary>
/// <param name="Label">What stands beside it.</param>
/// <param name="Value">How long it is; a value that is not finite is written out and not drawn.</param>
/// <param name="Error">Half the length of its error bar, 0 for none.</param>
public sealed record PlotBar(string Label, double Value, double Error = 0)
{
    /// <summary>Draws this bar in the second colour, to set it apart.</summary>
    public bool IsHighlighted { get; init; }
}
