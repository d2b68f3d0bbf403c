using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using NativeFl.Reports;

namespace NativeFl.Tests.Reports;

public sealed class HtmlReportTests
{
    private static readonly LineChart Loss = new()
    {
        Title = "Held-out loss <by> round",
        XLabel = "round",
        YLabel = "loss (nats a token)",
        Series =
        [
            new PlotSeries("flora", [0, 1, 2], [2.5, 1.5, 1.0]) { Errors = [0.1, 0.1, 0] },
            new PlotSeries("fedavg & co", [0, 1, 2], [2.5, double.NaN, 1.8]),
        ],
    };

    private static readonly BarChart Accuracy = new()
    {
        Title = "Exact match",
        ValueLabel = "share of answers",
        Bars = [new PlotBar("flora", 0.5, 0.1) { IsHighlighted = true }, new PlotBar("base", 0.25), new PlotBar("diverged", double.NaN)],
    };

    [Test]
    public void A_report_is_one_well_formed_file_that_loads_nothing()
    {
        string html = new HtmlReport("A & B").Heading("<h>").Paragraph("5 < 6 \u0001 \U0001F600").Chart(Loss).Chart(Accuracy)
            .Table(new ReportTable("t", ["method", "loss"], [["flora", "1.5"], ["<b>", "-2"]])).Code("{\"lr\": 1}").ToHtml();
        XElement root = Parse(html);
        Assert.That(root.Descendants("svg").Count(), Is.EqualTo(2));
        Assert.That(root.Descendants("p").Single().Value, Is.EqualTo("5 < 6 \uFFFD \U0001F600"));
        Assert.That(root.Descendants("td").Select(e => e.Value), Is.EqualTo(new[] { "flora", "1.5", "<b>", "-2" }));
        Assert.That(root.Descendants("td").Select(e => (string?)e.Attribute("class")), Is.EqualTo(new[] { "text", "number", "text", "number" }));
        Assert.That(root.Descendants("script"), Is.Empty);
        Assert.That(html, Does.Not.Contain("http").And.Not.Contain("src=").And.Not.Contain("href="));
        Assert.That(html, Does.Contain("prefers-color-scheme:dark"));
    }

    [Test]
    public void Every_finite_point_of_a_line_is_one_mark_where_it_belongs()
    {
        XElement svg = Parse(Loss.ToSvg());
        XElement[] points = [.. svg.Elements("circle")];
        Assert.That(points, Has.Length.EqualTo(5));
        double[] heights = [.. points.Take(3).Select(p => Number(p, "cy"))];
        double[] columns = [.. points.Take(3).Select(p => Number(p, "cx"))];
        Assert.That(columns[1] - columns[0], Is.EqualTo(columns[2] - columns[1]).Within(0.05));
        Assert.That((heights[1] - heights[0]) / (heights[2] - heights[1]), Is.EqualTo((2.5 - 1.5) / (1.5 - 1.0)).Within(0.01));
        Assert.That(Number(points[3], "cy"), Is.EqualTo(heights[0]), "equal values stand equally high");
        Assert.That(points[0].Element("title")!.Value, Is.EqualTo("flora: 0 → 2.5 ± 0.1"));
        Assert.That(ErrorBars(svg), Has.Length.EqualTo(2));
    }

    [Test]
    public void An_axis_from_zero_shows_heights_as_multiples_of_each_other()
    {
        XElement svg = Parse((Loss with { IsFromZero = true }).ToSvg());
        double bottom = Number(svg.Elements("text").Single(t => t.Value == "0" && (string?)t.Attribute("text-anchor") == "end"), "y") - 4;
        double[] heights = [.. svg.Elements("circle").Select(p => bottom - Number(p, "cy"))];
        Assert.That(heights[0] / heights[2], Is.EqualTo(2.5).Within(0.01));
    }

    [Test]
    public void Every_finite_value_is_one_bar_as_long_as_it_is_large()
    {
        XElement svg = Parse(Accuracy.ToSvg());
        XElement[] bars = [.. svg.Elements("rect")];
        Assert.That(bars, Has.Length.EqualTo(2));
        Assert.That(Number(bars[0], "width") / Number(bars[1], "width"), Is.EqualTo(2).Within(0.01));
        Assert.That(ErrorBars(svg), Has.Length.EqualTo(1));
        Assert.That(svg.Elements("text").Select(t => t.Value), Does.Contain("0.5 ± 0.1").And.Contain("0.25").And.Contain("not finite"));
    }

    [Test]
    public void Charts_have_a_title_and_a_description_for_screen_readers()
    {
        foreach (XElement svg in new[] { Parse(Loss.ToSvg()), Parse(Accuracy.ToSvg()) })
        {
            Assert.That((string?)svg.Attribute("role"), Is.EqualTo("img"));
            Assert.That(svg.Element("title")!.Value, Is.Not.Empty);
            Assert.That(svg.Element("desc")!.Value, Does.Contain("flora"));
        }
    }

    [Test]
    public void A_table_with_a_short_row_is_refused() => Assert.That(
        () => new HtmlReport("t").Table(new ReportTable("t", ["a", "b"], [["1"]])).ToHtml(), Throws.ArgumentException);

    [Test]
    public void Numbers_do_not_follow_the_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        string invariant = Loss.ToSvg();
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            Assert.That(Loss.ToSvg(), Is.EqualTo(invariant));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static XElement Parse(string markup)
    {
        using var reader = XmlReader.Create(new StringReader(markup), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader).Root!;
    }

    private static XElement[] ErrorBars(XElement svg) => [.. svg.Elements("path").Where(p => (string?)p.Attribute("class") == "error")];

    private static double Number(XElement element, string attribute) =>
        double.Parse(element.Attribute(attribute)!.Value, CultureInfo.InvariantCulture);
}
