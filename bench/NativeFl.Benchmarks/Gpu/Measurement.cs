using System.Globalization;
using System.Text.Json.Nodes;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>One measured figure with its spread, written as a line of JSON; <c>bench/peers</c> writes the same fields.</summary>
/// <param name="Case">Such as G1.</param>
/// <param name="Item">The part of the case, such as a kernel's name; empty where there is one.</param>
/// <param name="Setting">How it was run, in words.</param>
/// <param name="Unit">Of the values, such as tokens/s.</param>
/// <param name="Values">One a measured repetition.</param>
internal sealed record Measurement(string Case, string Item, string Setting, string Unit, IReadOnlyList<double> Values)
{
    /// <summary>What lines of ours say they are of.</summary>
    public const string System = "nativefl";

    /// <summary>The limit that the median is compared with, in the same unit, measured in the same process; 0 = none.</summary>
    public double Roof { get; init; }

    /// <summary>The most bytes held on the device; 0 = not counted.</summary>
    public long PeakBytes { get; init; }

    /// <summary>By step.</summary>
    public IReadOnlyList<double> Losses { get; init; } = [];

    /// <summary>By step.</summary>
    public IReadOnlyList<double> GradNorms { get; init; } = [];

    private bool IsTime => Unit == "ms";

    /// <summary>The value below which a part of the values lies, interpolated.</summary>
    public double Quantile(double part)
    {
        double[] sorted = [.. Values.Order()];
        double place = part * (sorted.Length - 1);
        int below = (int)place;
        return sorted[below] + ((place - below) * (sorted[Math.Min(below + 1, sorted.Length - 1)] - sorted[below]));
    }

    /// <summary>Prints it, and appends it to a file unless that is empty.</summary>
    public void Write(string device, string path)
    {
        var line = new JsonObject
        {
            ["case"] = Case,
            ["item"] = Item,
            ["system"] = System,
            ["setting"] = Setting,
            ["device"] = device,
            ["unit"] = Unit,
            ["median"] = Quantile(0.5),
            ["p10"] = Quantile(0.1),
            ["p90"] = Quantile(0.9),
            ["repetitions"] = Values.Count,
            ["roof"] = Roof,
            ["peak_bytes"] = PeakBytes,
            ["losses"] = Array(Losses),
            ["grad_norms"] = Array(GradNorms),
        };
        if (path.Length > 0) File.AppendAllText(path, line.ToJsonString() + "\n");
        double ofRoof = IsTime ? Roof / Quantile(0.5) : Quantile(0.5) / Roof;
        string share = Roof > 0 ? string.Create(CultureInfo.InvariantCulture, $", {100 * ofRoof:0.0} % of what {Roof:0.###} {Unit} would be") : "";
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{Case} {Item} [{Setting}]: {Quantile(0.5):0.###} {Unit} (p10 {Quantile(0.1):0.###}, p90 {Quantile(0.9):0.###}){share}"));
    }

    private static JsonArray Array(IEnumerable<double> values) => [.. values.Select(value => (JsonNode)JsonValue.Create(Math.Round(value, 7)))];
}
