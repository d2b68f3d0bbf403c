namespace NativeFl.Reports;

/// <summary>A table of a report.</summary>
/// <param name="Caption">What it shows.</param>
/// <param name="Columns">The column heads.</param>
/// <param name="Rows">The cells, as many a row as there are columns; cells that begin with a digit or sign are aligned right.</param>
public sealed record ReportTable(string Caption, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows);
