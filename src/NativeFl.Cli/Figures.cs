using System.Globalization;

namespace NativeFl.Cli;

/// <summary>Numbers for people.</summary>
internal static class Figures
{
    /// <summary>Such as 1.2e-07.</summary>
    public static string Scientific(double value) => value.ToString("0.0e+00", CultureInfo.InvariantCulture);

    /// <summary>Four decimals.</summary>
    public static string Loss(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);

    /// <summary>"1.2345 ± 0.0123", or without the error where there is none.</summary>
    public static string WithError(double value, double? error) => error is { } e ? $"{Loss(value)} ± {Loss(e)}" : Loss(value);

    /// <summary>"12.3 MB", powers of ten.</summary>
    public static string Bytes(double bytes)
    {
        string[] units = ["B", "kB", "MB", "GB", "TB"];
        int unit = 0;
        for (; bytes >= 1000 && unit < units.Length - 1; unit++) bytes /= 1000;
        return bytes.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + units[unit];
    }

    /// <summary>Digits in groups of three.</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>"61.2 % ± 3.4 %".</summary>
    public static string Share(double value, double error) =>
        string.Create(CultureInfo.InvariantCulture, $"{100 * value:0.0} % ± {100 * error:0.0} %");

    /// <summary>A number with the digits it needs.</summary>
    public static string Short(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);

    /// <summary>"4:07", or "26:04:07" from an hour on.</summary>
    public static string Duration(TimeSpan time) => time.TotalHours >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}")
        : string.Create(CultureInfo.InvariantCulture, $"{time.Minutes}:{time.Seconds:00}");
}
