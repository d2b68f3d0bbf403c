using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Reports;

namespace NativeFl.Cli;

/// <summary>report.html of a federation, from the JSON that federate prints.</summary>
internal static class FederationReport
{
    /// <summary>The whole page.</summary>
    public static HtmlReport Page(JsonObject result)
    {
        string method = result["method"]!.GetValue<string>();
        JsonObject[] rounds = [.. result["rounds"]!.AsArray().Select(r => r!.AsObject())];
        var report = new HtmlReport($"Federation by {method}");
        int clients = rounds.SelectMany(r => r["clients"]!.AsArray()).Select(c => c!["id"]!.GetValue<int>()).Distinct().Count();
        report.Paragraph(string.Create(
            CultureInfo.InvariantCulture,
            $"{clients} clients, {rounds.Length} rounds, method {method}. Losses are means over the counted tokens; bars on held-out points are standard errors over examples."));
        report.Chart(LossChart(rounds, result["initial_eval"] as JsonObject));
        report.Table(RoundTable(rounds));
        if (rounds.Length > 0) report.Table(ClientTable(rounds[^1]));
        foreach (JsonObject round in rounds.Where(r => r["values"] is JsonArray))
        {
            foreach (JsonObject values in round["values"]!.AsArray().Select(v => v!.AsObject()))
                report.Chart(ClientValueReport.Bars($"Values of the clients in round {round["round"]}: {ClientValueReport.Title(values)}", values));
        }

        foreach (JsonObject values in rounds.LastOrDefault()?["values"]?.AsArray().Select(v => v!.AsObject()) ?? [])
        {
            report.Table(ClientValueReport.Table($"Values in round {rounds[^1]["round"]}: {ClientValueReport.Title(values)}", values));
            if (ClientValueReport.Caveat(values) is { } caveat) report.Paragraph(caveat);
        }

        if (result["clients"] is JsonArray depths) report.Table(DepthTable(depths));
        return report;
    }

    private static LineChart LossChart(JsonObject[] rounds, JsonObject? initial)
    {
        double[] numbers = [.. rounds.Select(r => (double)r["round"]!.GetValue<int>())];
        List<PlotSeries> series = [];
        if (rounds.Any(r => r["eval"] is not null))
        {
            (double X, JsonObject? Eval)[] points = [.. rounds.Select((r, i) => (numbers[i], r["eval"] as JsonObject))];
            if (initial is not null) points = [(0, initial), .. points];
            series.Add(new PlotSeries("held-out loss", [.. points.Select(p => p.X)], [.. points.Select(p => JsonInput.Number(p.Eval?[HeldOutFigures.Loss]))])
            {
                Errors = [.. points.Select(p => JsonInput.Number(p.Eval?[HeldOutFigures.LossError]))],
            });
        }

        series.Add(new PlotSeries("training loss, mean of clients", numbers, [.. rounds.Select(MeanLoss)]));
        return new LineChart { Title = "Loss by round", XLabel = "round", YLabel = "loss (nats a token)", Series = series };
    }

    private static ReportTable RoundTable(JsonObject[] rounds) => new(
        "Rounds",
        ["round", "clients", "held-out loss", "exactness", "rounding", "upload", "download", "seconds"],
        [.. rounds.Select(r => (IReadOnlyList<string>)
        [
            r["round"]!.ToString(),
            r["clients"]!.AsArray().Count.ToString(CultureInfo.InvariantCulture),
            r["eval"] is JsonObject eval ? Figures.WithError(JsonInput.Number(eval[HeldOutFigures.Loss]), NumberOrNull(eval[HeldOutFigures.LossError])) : "–",
            Scientific(r["exactness"]),
            Scientific(r["rounding"]),
            Figures.Bytes(r["clients"]!.AsArray().Sum(c => JsonInput.Number(c!["upload_bytes"]))),
            Figures.Bytes(r["clients"]!.AsArray().Sum(c => JsonInput.Number(c!["download_bytes"]))),
            r["seconds"]!.GetValue<double>().ToString("0.0", CultureInfo.InvariantCulture),
        ])]);

    private static ReportTable ClientTable(JsonObject round) => new(
        $"Clients of round {round["round"]}",
        ["client", "rank", "examples", "steps", "training loss", "upload", "download"],
        [.. round["clients"]!.AsArray().Select(c => (IReadOnlyList<string>)
        [
            c!["id"]!.ToString(),
            c["rank"]!.ToString(),
            c["examples"]!.ToString(),
            c["steps"]!.ToString(),
            c["dropped"] is not null ? "diverged, left out" : c["loss"] is null ? "–" : Figures.Loss(JsonInput.Number(c["loss"])),
            Figures.Bytes(JsonInput.Number(c["upload_bytes"])),
            Figures.Bytes(JsonInput.Number(c["download_bytes"])),
        ])]);

    private static ReportTable DepthTable(JsonArray clients) => new(
        "Depth and memory of the clients",
        ["client", "rank", "sublayers", "without attention", "without MLP", "base", "budget", "planned"],
        [.. clients.Select(c => (IReadOnlyList<string>)
        [
            c!["id"]!.ToString(),
            c["rank"]!.ToString(),
            c["sublayers"]!.ToString(),
            Layers(c["drop_attn_list"]!),
            Layers(c["drop_mlp_list"]!),
            Figures.Bytes(JsonInput.Number(c["base_bytes"])),
            c["budget_bytes"] is { } budget ? Figures.Bytes(JsonInput.Number(budget)) : "–",
            c["planned_bytes"] is { } planned ? Figures.Bytes(JsonInput.Number(planned)) : "–",
        ])]);

    private static string Layers(JsonNode mask)
    {
        string[] layers = [.. mask.AsArray().Index().Where(item => item.Item!.GetValue<bool>()).Select(item => item.Index.ToString(CultureInfo.InvariantCulture))];
        return layers.Length == 0 ? "–" : string.Join(", ", layers);
    }

    private static double MeanLoss(JsonObject round)
    {
        double[] losses = [.. round["clients"]!.AsArray().Select(c => JsonInput.Number(c!["loss"])).Where(double.IsFinite)];
        return losses.Length == 0 ? double.NaN : losses.Average();
    }

    private static string Scientific(JsonNode? node) => node is null ? "–" : Figures.Scientific(JsonInput.Number(node));

    private static double? NumberOrNull(JsonNode? node) => node is null ? null : JsonInput.Number(node);
}
