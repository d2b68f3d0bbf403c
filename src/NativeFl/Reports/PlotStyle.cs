using System.Globalization;

namespace NativeFl.Reports;

/// <summary>
/// Colours and sizes of the charts. Every colour is a CSS variable with a light value as its fall-back; <see cref="HtmlReport"/> sets
/// the dark ones. The first eight hues are told apart by colour-blind eyes too (after Okabe and Ito), and lines repeat them dashed.
/// </summary>
internal static class PlotStyle
{
    public const int Width = 760;

    public const string Ink = "var(--ink, #1c1f23)", Muted = "var(--muted, #5b6470)", Grid = "var(--grid, #dfe3e8)";

    private static readonly string[] Light =
        ["#0067a5", "#c44e00", "#00805c", "#a8457f", "#8a6a00", "#2f95d0", "#6a4fb3", "#6b6f76"];

    private static readonly string[] Dark =
        ["#58b2f0", "#ff9248", "#37cfa0", "#ee9fcb", "#e3bd4a", "#9bd8ff", "#b7a3ff", "#b3b9c2"];

    /// <summary>The colour of series <paramref name="index"/>.</summary>
    public static string Colour(int index) =>
        string.Create(CultureInfo.InvariantCulture, $"var(--series-{index % Light.Length}, {Light[index % Light.Length]})");

    /// <summary>The dashes of series <paramref name="index"/>: solid, then dashed when the colours come round again.</summary>
    public static string Dashes(int index) => (index / Light.Length) switch { 0 => "none", 1 => "6 3", _ => "2 3" };

    /// <summary>The variables' light or dark values, as CSS declarations.</summary>
    public static string Variables(bool dark) => string.Concat((dark ? Dark : Light).Select((colour, i) =>
        string.Create(CultureInfo.InvariantCulture, $"--series-{i}:{colour};")));
}
