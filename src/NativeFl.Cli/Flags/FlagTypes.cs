using System.Globalization;
using System.Text.Json.Nodes;

namespace NativeFl.Cli.Flags;

/// <summary>The kinds of values that flags take.</summary>
internal static class FlagTypes
{
    /// <summary>Present or absent.</summary>
    public static FlagType<bool> Switch { get; } = new("", FlagShape.Switch, ParseSwitch, v => v ? JsonValue.Create(true) : null);

    /// <summary>Any text.</summary>
    public static FlagType<string?> Text { get; } = new("TEXT", FlagShape.Text, t => t.Single, v => v);

    /// <summary>A seed: 0 .. 2⁶⁴ − 1.</summary>
    public static FlagType<ulong> Seed { get; } = new(
        "N", FlagShape.Number,
        t => ulong.TryParse(t.Single, NumberStyles.None, CultureInfo.InvariantCulture, out ulong v) ? v : throw t.Error("a whole number of at least 0"),
        v => v);

    /// <summary>A whole number in a range.</summary>
    public static FlagType<int> Int(int minimum, int maximum = int.MaxValue) => new(
        "N", FlagShape.Number, t => ParseInt(t, t.Single, minimum, maximum), v => v);

    /// <summary>A whole number in a range, or nothing.</summary>
    public static FlagType<int?> OptionalInt(int minimum, int maximum = int.MaxValue) => new(
        "N", FlagShape.Number, t => ParseInt(t, t.Single, minimum, maximum), v => v);

    /// <summary>A finite number that a rule allows.</summary>
    public static FlagType<double> Number(string expected, Func<double, bool> isAllowed) => new(
        "X", FlagShape.Number, t => ParseNumber(t, t.Single, expected, isAllowed), v => v);

    /// <summary>A finite number that a rule allows, or nothing.</summary>
    public static FlagType<double?> OptionalNumber(string expected, Func<double, bool> isAllowed) => new(
        "X", FlagShape.Number, t => ParseNumber(t, t.Single, expected, isAllowed), v => v);

    /// <summary>One of a few words.</summary>
    public static FlagType<string> Choice(params string[] words) => new(
        string.Join('|', words), FlagShape.Text,
        t => Array.IndexOf(words, t.Single) >= 0 ? t.Single : throw t.Error($"one of {string.Join(", ", words)}"),
        v => v.Length == 0 ? null : v);

    /// <summary>Comma-separated whole numbers in a range.</summary>
    public static FlagType<IReadOnlyList<int>> Ints(int minimum, int maximum = int.MaxValue) => new(
        "N,N,…", FlagShape.List,
        t => [.. t.Items.Select(item => ParseInt(t, item, minimum, maximum))],
        v => v.Count == 0 ? null : new JsonArray([.. v.Select(i => (JsonNode)i)]));

    /// <summary>Comma-separated finite numbers that a rule allows.</summary>
    public static FlagType<IReadOnlyList<double>> Numbers(string expected, Func<double, bool> isAllowed) => new(
        "X,X,…", FlagShape.List,
        t => [.. t.Items.Select(item => ParseNumber(t, item, $"comma-separated numbers, {expected}", isAllowed))],
        v => v.Count == 0 ? null : new JsonArray([.. v.Select(i => (JsonNode)i)]));

    /// <summary>Comma-separated sizes in bytes, with or without a unit.</summary>
    public static FlagType<IReadOnlyList<long>> Sizes { get; } = new(
        "SIZE,SIZE,…", FlagShape.List, t => [.. t.Items.Select(item => ParseSize(t, item))],
        v => v.Count == 0 ? null : new JsonArray([.. v.Select(i => (JsonNode)i)]));

    /// <summary>A folder that is there.</summary>
    public static FlagType<string> Folder { get; } = new("DIR", FlagShape.Text, t => ExistingFolder(t, t.Single), v => v.Length == 0 ? null : v);

    /// <summary>A file that is there.</summary>
    public static FlagType<string> File { get; } = new("FILE", FlagShape.Text, t => ExistingFile(t, t.Single), v => v.Length == 0 ? null : v);

    /// <summary>Files that are there.</summary>
    public static FlagType<IReadOnlyList<string>> Files { get; } = new(
        "FILE…", FlagShape.Paths, t => [.. t.Tokens.Select(path => ExistingFile(t, path))], Paths);

    /// <summary>Folders that are there.</summary>
    public static FlagType<IReadOnlyList<string>> Folders { get; } = new(
        "DIR…", FlagShape.Paths, t => [.. t.Tokens.Select(path => ExistingFolder(t, path))], Paths);

    /// <summary>A place to write to; whether it may be is decided when the run opens it.</summary>
    public static FlagType<string> Target { get; } = new(
        "PATH", FlagShape.Text, t => t.Single.Length > 0 ? t.Single : throw t.Error("a path"), v => v.Length == 0 ? null : v);

    private static JsonArray? Paths(IReadOnlyList<string> paths) =>
        paths.Count == 0 ? null : new JsonArray([.. paths.Select(p => (JsonNode)p)]);

    private static bool ParseSwitch(FlagText text) => text.Tokens switch
    {
        [] or ["true"] => true,
        ["false"] => false,
        _ => throw text.Error("true or false"),
    };

    private static int ParseInt(FlagText text, string item, int minimum, int maximum)
    {
        if (int.TryParse(item, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= minimum && value <= maximum)
            return value;
        string range = maximum == int.MaxValue ? $"of at least {minimum}" : $"from {minimum} to {maximum}";
        throw text.Error($"a whole number {range}", $"'{item}'");
    }

    private static long ParseSize(FlagText text, string item)
    {
        (string Name, double Bytes)[] units =
        [
            ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1), ("", 1),
        ];
        (string name, double unit) = units.First(u => item.EndsWith(u.Name, StringComparison.Ordinal));
        bool isNumber = double.TryParse(item.AsSpan(0, item.Length - name.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value);
        return isNumber && value * unit is >= 1 and < long.MaxValue
            ? (long)(value * unit)
            : throw text.Error("comma-separated sizes above 0, such as 1500MB or 2GiB", $"'{item}'");
    }

    private static double ParseNumber(FlagText text, string item, string expected, Func<double, bool> isAllowed)
    {
        if (double.TryParse(item, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) && isAllowed(value))
            return value;
        throw text.Error(expected, $"'{item}'");
    }

    private static string ExistingFile(FlagText text, string path) => System.IO.File.Exists(path)
        ? path
        : throw text.Error("a file", Directory.Exists(path) ? $"the folder '{path}'" : $"'{path}', which does not exist");

    private static string ExistingFolder(FlagText text, string path) => Directory.Exists(path)
        ? path
        : throw text.Error("a folder", System.IO.File.Exists(path) ? $"the file '{path}'" : $"'{path}', which does not exist");
}
