using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.DataRefinement;
using NativeFl.Reports;
using NativeFl.Valuation;

namespace NativeFl.Cli;

/// <summary>What refine value says of its values: a table on the terminal, bars with error bars in report.html, JSON.</summary>
internal static class ValueReport
{
    private const int Shown = 12;

    /// <summary>The values of values.json, and what it took here.</summary>
    public static JsonObject Json(ProxyValues values, JsonObject cost)
    {
        JsonObject result = ValueFolder.ToJson(values);
        foreach ((string name, JsonNode? node) in cost) result[name] = node?.DeepClone();
        return result;
    }

    /// <summary>The players at both ends, the most valuable first.</summary>
    public static ReportTable Table(ProxyValues values)
    {
        (ProxyValue Player, string Name)[] players = Players(values);
        (ProxyValue Player, string Name)[] shown = [.. players.Take(Shown), .. players.Skip(Math.Max(Shown, players.Length - Shown))];
        string caption = shown.Length == players.Length ? "Value of each player, the most valuable first" : $"The {Shown} most and the {shown.Length - Shown} least valuable of {players.Length} players";
        return new ReportTable(caption, ["place", "proxy", "value", "stderr", "from"],
        [
            .. shown.Select((entry, i) => (IReadOnlyList<string>)
            [
                (i < Shown ? i + 1 : players.Length - shown.Length + i + 1).ToString(CultureInfo.InvariantCulture),
                entry.Name,
                Number(entry.Player.Value),
                entry.Player.StandardError is { } error ? Number(error) : "–",
                entry.Player.Marginals.ToString(CultureInfo.InvariantCulture),
            ]),
        ]);
    }

    /// <summary>report.html.</summary>
    public static HtmlReport Page(ProxyValues values, string unit, string cost)
    {
        (ProxyValue Player, string Name)[] players = Players(values);
        (ProxyValue Player, string Name)[] shown = [.. players.Take(Shown), .. players.Skip(Math.Max(Shown, players.Length - Shown))];
        var report = new HtmlReport("What the data is worth");
        report.Paragraph($"Values by {values.Estimator}, {unit}; error bars are one standard error. {cost}");
        if (EstimatorKind.All.FirstOrDefault(kind => kind.Name == values.Estimator)?.Caution is { } caution) report.Paragraph($"{values.Estimator}: {caution}.");
        if (values is { EmptyValue: { } none, WholeValue: { } all })
            report.Paragraph($"The base as it is: {Number(none)}; fine-tuned on all proxies: {Number(all)}.");
        if (values.LeftOut > 0) report.Paragraph($"{values.LeftOut} fine-tunings came to nothing finite and are left out.");
        report.Chart(new BarChart
        {
            Title = shown.Length == players.Length ? "Value of each player" : $"Value of the {Shown} most and the {shown.Length - Shown} least valuable players",
            ValueLabel = unit,
            ValueFormat = "0.#####",
            Bars = [.. shown.Select(entry => new PlotBar(entry.Name, entry.Player.Value, entry.Player.StandardError ?? 0) { IsHighlighted = entry.Player.Value < 0 })],
        });
        return report.Table(Table(values));
    }

    /// <summary>One proxy of every player, with a name that says how many there are; what has no value comes last.</summary>
    private static (ProxyValue Player, string Name)[] Players(ProxyValues values) =>
    [
        .. values.Proxies.GroupBy(proxy => proxy.Group)
            .Select(group => (group.First(), group.Count() == 1 ? group.First().Id : string.Create(CultureInfo.InvariantCulture, $"{group.First().Id} and {group.Count() - 1} more")))
            .OrderByDescending(entry => double.IsFinite(entry.Item1.Value) ? entry.Item1.Value : double.NegativeInfinity),
    ];

    private static string Number(double value) => double.IsFinite(value) ? value.ToString("0.00000", CultureInfo.InvariantCulture) : "not finite";
}
