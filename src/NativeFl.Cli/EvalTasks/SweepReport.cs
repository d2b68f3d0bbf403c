using System.Globalization;
using NativeFl.Evaluation;
using NativeFl.Reports;

namespace NativeFl.Cli.EvalTasks;

/// <summary>A sweep for people: the table of the terminal, and report.html.</summary>
internal static class SweepReport
{
    /// <summary>One row a count.</summary>
    public static ReportTable Table(IReadOnlyList<SweepRow> rows) => new(
        "By number dropped; × is the number of sequences side by side",
        [
            "dropped", rows[0].Figure.Name,
            .. rows[0].Decode.SelectMany(d => new[] { $"tokens/s ×{Sequences(d)}", $"cache ×{Sequences(d)}" }),
        ],
        [.. rows.Select(row => (IReadOnlyList<string>)
        [
            row.Count.ToString(CultureInfo.InvariantCulture),
            Figures.WithError(row.Figure.Value, row.Figure.StandardError),
            .. row.Decode.SelectMany(d => new[] { Rate(d.TokensPerSecond), Figures.Bytes(d.CacheBytes) }),
        ])]);

    /// <summary>The whole page.</summary>
    public static HtmlReport Page(IReadOnlyList<SweepRow> rows, string granularity, string method)
    {
        string name = rows[0].Figure.Name;
        var report = new HtmlReport($"What {granularity} layers are worth");
        report.Paragraph(
            $"One model with more and more dropped (granularity {granularity}, method {method}), measured on the same held-out records each time; bars and ± are standard errors.");
        report.Chart(Quality(rows, name, method));
        if (rows[0].Decode.Count > 0) AddDecoding(report, rows);
        report.Table(Table(rows));
        if (rows[0].Decode.Count > 0) report.Table(Decoding(rows));
        foreach (SweepRow row in Rankings(rows)) report.Table(DropReport.Ranking(row.Choice) with { Caption = $"The {row.Count} that were dropped, in the order of choice" });
        return report;
    }

    private static LineChart Quality(IReadOnlyList<SweepRow> rows, string name, string method) => new()
    {
        Title = $"Held-out {name} by number dropped",
        XLabel = "dropped",
        YLabel = name == "loss" ? "loss (nats a token)" : name,
        Series =
        [
            new PlotSeries(method, Counts(rows), [.. rows.Select(r => r.Figure.Value)]) { Errors = [.. rows.Select(r => r.Figure.StandardError ?? double.NaN)] },
        ],
    };

    private static void AddDecoding(HtmlReport report, IReadOnlyList<SweepRow> rows)
    {
        DecodeOptions first = rows[0].Decode[0].Options;
        report.Paragraph(string.Create(
            CultureInfo.InvariantCulture,
            $"Speed: prompts of {first.PromptLength} random tokens are read, then {first.NewTokens} new tokens of every sequence come out one step after another, each step reading one token a sequence and finding the keys and values of the earlier ones in the cache. Medians over {rows[0].Decode[0].StepSeconds.Count} steps."));
        report.Chart(new LineChart
        {
            Title = $"Decode speed, as a multiple of that with {rows[0].Count} dropped",
            XLabel = "dropped",
            YLabel = "relative tokens/s",
            IsFromZero = true,
            Series =
            [
                .. rows[0].Decode.Select((d, c) => new PlotSeries(
                    d.Options.Sequences == 1 ? "1 sequence" : $"{Sequences(d)} sequences", Counts(rows),
                    [.. rows.Select(r => r.Decode[c].TokensPerSecond / d.TokensPerSecond)])),
            ],
        });
        report.Chart(new LineChart
        {
            Title = string.Create(CultureInfo.InvariantCulture, $"Key/value cache of a sequence of {first.PromptLength + first.NewTokens} tokens"),
            XLabel = "dropped",
            YLabel = "kB",
            IsFromZero = true,
            Series = [new PlotSeries("cache", Counts(rows), [.. rows.Select(r => r.Decode[0].CacheBytes / 1000.0 / r.Decode[0].Options.Sequences)])],
        });
    }

    private static ReportTable Decoding(IReadOnlyList<SweepRow> rows) => new(
        "Decoding with the key/value cache",
        ["dropped", "sequences", "ms a step", "tokens/s", "prompt tokens/s", "cache"],
        [.. rows.SelectMany(row => row.Decode.Select(d => (IReadOnlyList<string>)
        [
            row.Count.ToString(CultureInfo.InvariantCulture),
            Sequences(d),
            (1000 * d.SecondsPerStep).ToString("0.000", CultureInfo.InvariantCulture),
            Rate(d.TokensPerSecond),
            Rate(d.PrefillTokensPerSecond),
            Figures.Bytes(d.CacheBytes),
        ]))]);

    /// <summary>The rows whose rankings say all: the last one, where the others are its beginning.</summary>
    private static IEnumerable<SweepRow> Rankings(IReadOnlyList<SweepRow> rows)
    {
        SweepRow last = rows[^1];
        bool isNested = rows.All(r => r.Choice.Steps.SequenceEqual(last.Choice.Steps.Take(r.Choice.Steps.Count)));
        return (isNested ? [last] : rows).Where(r => r.Choice.Steps.Count > 0);
    }

    private static double[] Counts(IReadOnlyList<SweepRow> rows) => [.. rows.Select(r => (double)r.Count)];

    private static string Sequences(DecodeResult result) => result.Options.Sequences.ToString(CultureInfo.InvariantCulture);

    // Of small models thousands, of large ones a few.
    private static string Rate(double value) => value.ToString(value < 100 ? "0.00" : "N0", CultureInfo.InvariantCulture);
}
