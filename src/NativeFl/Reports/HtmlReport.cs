namespace NativeFl.Reports;

/// <summary>One self-contained HTML file: prose, charts, tables; no script, nothing loaded from anywhere. Its markup is well-formed XML.</summary>
public sealed class HtmlReport(string title)
{
    private readonly List<Action<Markup>> _parts = [];

    /// <summary>Adds a heading.</summary>
    public HtmlReport Heading(string text) => Add(m => m.Element("h2", text));

    /// <summary>Adds a paragraph.</summary>
    public HtmlReport Paragraph(string text) => Add(m => m.Element("p", text));

    /// <summary>Adds a chart.</summary>
    public HtmlReport Chart(LineChart chart)
    {
        ArgumentNullException.ThrowIfNull(chart);
        return Figure(chart.ToSvg());
    }

    /// <summary>Adds a chart.</summary>
    public HtmlReport Chart(BarChart chart)
    {
        ArgumentNullException.ThrowIfNull(chart);
        return Figure(chart.ToSvg());
    }

    /// <summary>Adds a table.</summary>
    public HtmlReport Table(ReportTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return Add(m => Write(m, table));
    }

    /// <summary>Adds text as it is, such as a recipe.</summary>
    public HtmlReport Code(string text) => Add(m => m.Open("pre").Element("code", text).Close());

    /// <summary>The whole file.</summary>
    public string ToHtml()
    {
        using var markup = new Markup();
        markup.Raw("<!DOCTYPE html>\n").Open("html", ("lang", "en")).Line().Open("head").Line();
        markup.Open("meta", ("charset", "utf-8")).CloseVoid().Line();
        markup.Open("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1")).CloseVoid().Line();
        markup.Element("title", title).Line().Open("style").Raw(Css()).Close().Line().Close().Line();
        markup.Open("body").Line().Open("main").Line().Element("h1", title).Line();
        foreach (Action<Markup> part in _parts)
        {
            part(markup);
            markup.Line();
        }

        return markup.Close().Line().Close().Line().Close().Line().ToString();
    }

    private static void Write(Markup markup, ReportTable table)
    {
        markup.Open("div", ("class", "wide")).Open("table").Line().Element("caption", table.Caption).Line().Open("thead").Open("tr");
        for (int i = 0; i < table.Columns.Count; i++)
        {
            bool isNumber = table.Rows.Count > 0 && i < table.Rows[0].Count && IsNumber(table.Rows[0][i]);
            markup.Element("th", table.Columns[i], ("scope", "col"), ("class", isNumber ? "number" : "text"));
        }

        markup.Close().Close().Line().Open("tbody").Line();
        foreach (IReadOnlyList<string> row in table.Rows)
        {
            if (row.Count != table.Columns.Count)
                throw new ArgumentException($"table '{table.Caption}': a row has {row.Count} cells, the head {table.Columns.Count}", nameof(table));
            markup.Open("tr");
            foreach (string cell in row) markup.Element("td", cell, ("class", IsNumber(cell) ? "number" : "text"));
            markup.Close().Line();
        }

        markup.Close().Close().Close();
    }

    private static bool IsNumber(string cell) => cell.Length > 0 && (char.IsAsciiDigit(cell[0]) || (cell[0] is '-' or '−' or '+' && cell.Length > 1));

    private static string Css() => $$$"""
        :root{color-scheme:light dark;--paper:#fff;--ink:#1c1f23;--muted:#5b6470;--grid:#dfe3e8;--shade:#f4f6f8;{{{PlotStyle.Variables(false)}}}}
        @media (prefers-color-scheme:dark){:root{--paper:#15181c;--ink:#e8ebef;--muted:#9aa4b1;--grid:#31373f;--shade:#1e2329;{{{PlotStyle.Variables(true)}}}}}
        body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
        main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 4rem}
        h1{font-size:1.8rem;line-height:1.2;margin:0 0 1rem}
        h2{font-size:1.25rem;margin:2.4rem 0 .6rem}
        p{max-width:46rem}
        figure{margin:1.4rem 0}
        svg{display:block;max-width:100%;height:auto}
        .wide{overflow-x:auto}
        table{border-collapse:collapse;margin:1.2rem 0;font-size:.9rem}
        caption{text-align:left;font-weight:600;padding-bottom:.4rem}
        th,td{padding:.35rem 1.1rem .35rem 0;border-bottom:1px solid var(--grid);white-space:nowrap}
        .text{text-align:left}
        th{color:var(--muted);font-weight:600}
        .number{font-variant-numeric:tabular-nums;text-align:right}
        pre{background:var(--shade);padding:1rem;overflow-x:auto;font-size:.85rem;border-radius:.4rem}

        """;

    private HtmlReport Figure(string svg) => Add(m => m.Open("figure").Raw(svg).Close());

    private HtmlReport Add(Action<Markup> part)
    {
        _parts.Add(part);
        return this;
    }
}
