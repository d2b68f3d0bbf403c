using System.Globalization;
using System.Reflection;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace NativeFl.Benchmarks;

/// <summary>GFLOP/s at the median time, for benchmarks that say what they compute.</summary>
public sealed class RateColumn : IColumn
{
    public string Id => nameof(RateColumn);

    public string ColumnName => "GFLOP/s";

    public bool AlwaysShow => false;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => "Floating-point operations of a call over the median time";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        double? operations = Operations(benchmarkCase);
        double? nanoseconds = summary[benchmarkCase]?.ResultStatistics?.Median;
        double? rate = operations / nanoseconds;
        return rate?.ToString("F1", CultureInfo.InvariantCulture) ?? "-";
    }

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    public bool IsAvailable(Summary summary) => summary.BenchmarksCases.Any(benchmark => Operations(benchmark) is not null);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    private static double? Operations(BenchmarkCase benchmarkCase)
    {
        double? factor = benchmarkCase.Descriptor.WorkloadMethod.GetCustomAttribute<WorkAttribute>()?.Operations;
        IWork? work = benchmarkCase.Parameters.Items.Select(parameter => parameter.Value).OfType<IWork>().FirstOrDefault();
        return factor * (work?.Operations ?? 1);
    }
}
