using System.Globalization;
using NativeFl.LayerDropping;
using NativeFl.Reports;

namespace NativeFl.Cli;

/// <summary>report.html of drop: what went, in the order in which it was chosen, and what decided.</summary>
internal static class DropReport
{
    /// <summary>The whole page.</summary>
    public static HtmlReport Page(DropChoice choice)
    {
        var report = new HtmlReport("What was dropped");
        if (choice.Steps.Count == 0) report.Paragraph("Nothing: the model is as it was.");
        if (Chart(choice) is { } chart) report.Chart(chart);
        if (choice.Steps.Count > 0) report.Table(Ranking(choice));
        if (choice.Ties.Count > 0) report.Paragraph($"Would have done as well: {Names(choice.Ties)}.");
        if (choice.PassedOver.Count > 0) report.Paragraph($"Stays, being the last attention: {Names(choice.PassedOver)}.");
        return report;
    }

    /// <summary>Says what was not plain: equal scores, and what stays though it ranked before something that goes.</summary>
    public static void Warn(VerbRun run, DropChoice choice)
    {
        if (choice.Ties.Count > 0) run.Warn($"equal scores: {Names(choice.Ties)} would have done as well");
        if (choice.PassedOver.Count > 0) run.Warn($"{Names(choice.PassedOver)} ranked before something that goes, but stays: it has the last attention");
    }

    /// <summary>The similarity or the loss of every step, by its place; null where neither decided.</summary>
    public static LineChart? Chart(DropChoice choice)
    {
        bool isByLoss = choice.Steps.Any(s => s.Loss is not null);
        if (!isByLoss && choice.Steps.All(s => s.Similarity is null)) return null;
        double[] values = [.. choice.Steps.Select(s => (isByLoss ? s.Loss : s.Similarity) ?? double.NaN)];
        return new LineChart
        {
            Title = isByLoss ? "Calibration loss after each drop" : "Similarity of each drop when it was chosen",
            XLabel = "order of choice",
            YLabel = isByLoss ? "loss (nats a token)" : "mean cosine",
            Series = [new PlotSeries(isByLoss ? "loss" : "similarity", [.. Enumerable.Range(1, values.Length).Select(i => (double)i)], values)],
        };
    }

    /// <summary>Every step with what decided, if it was measured.</summary>
    public static ReportTable Ranking(DropChoice choice)
    {
        (string Name, Func<DropStep, double?> Of)[] figures = [("similarity", step => step.Similarity), ("calibration loss", step => step.Loss)];
        figures = [.. figures.Where(figure => choice.Steps.Any(step => figure.Of(step) is not null))];
        return new ReportTable(
            "In the order of choice",
            ["order", "what", .. figures.Select(figure => figure.Name)],
            [.. choice.Steps.Select((step, i) => (IReadOnlyList<string>)
            [
                (i + 1).ToString(CultureInfo.InvariantCulture),
                string.Join(", ", step.Sublayers),
                .. figures.Select(figure => figure.Of(step) is { } value ? Figures.Loss(value) : "–"),
            ])]);
    }

    private static string Names(IReadOnlyList<DropStep> steps) => string.Join(", ", steps.SelectMany(step => step.Sublayers).Distinct());
}
