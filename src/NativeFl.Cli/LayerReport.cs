using System.Globalization;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Reports;

namespace NativeFl.Cli;

/// <summary>report.html of score: similarity by layer and kind.</summary>
internal static class LayerReport
{
    /// <summary>The whole page.</summary>
    public static HtmlReport Page(LayerScores scores)
    {
        var report = new HtmlReport("What each layer does to the residual stream");
        report.Paragraph(string.Create(
            CultureInfo.InvariantCulture,
            $"Mean cosine between the residual stream before and behind each sublayer and block, over {scores.Tokens} tokens in {scores.Samples} samples; bars are standard errors over samples. Near 1: it could go."));
        report.Chart(new LineChart
        {
            Title = "Similarity by layer",
            XLabel = "layer",
            YLabel = "mean cosine",
            Series =
            [
                Series("attention", scores.Of(SublayerKind.Attention).Select(s => (s.Sublayer.Layer, s.Similarity, s.StandardError))),
                Series("mlp", scores.Of(SublayerKind.Mlp).Select(s => (s.Sublayer.Layer, s.Similarity, s.StandardError))),
                Series("block", scores.Blocks.Where(b => b.Length == 1).Select(b => (b.Layer, b.Similarity, b.StandardError))),
            ],
        });
        return report.Table(new ReportTable("Sublayers, the most alike first", ["sublayer", "similarity", "importance"],
        [
            .. scores.Sublayers.OrderByDescending(s => s.Similarity).Select(s => (IReadOnlyList<string>)
                [s.Sublayer.ToString(), Figures.WithError(s.Similarity, s.StandardError), Figures.Loss(s.Importance)]),
        ]));
    }

    private static PlotSeries Series(string name, IEnumerable<(int Layer, double Similarity, double? Error)> points)
    {
        (int Layer, double Similarity, double? Error)[] all = [.. points];
        return new PlotSeries(name, [.. all.Select(p => (double)p.Layer)], [.. all.Select(p => p.Similarity)])
        {
            Errors = [.. all.Select(p => p.Error ?? double.NaN)],
        };
    }
}
