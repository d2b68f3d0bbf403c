using System.Reflection;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// The results of the classes in this folder as <see cref="Measurement"/>s: GB/s beside the rate of a copy, TFLOP/s beside that of a large
/// product, both measured here, in the same process.
/// </summary>
internal sealed class MeasurementExporter : IExporter
{
    public string Name => nameof(MeasurementExporter);

    public void ExportToLog(Summary summary, ILogger logger)
    {
    }

    public IEnumerable<string> ExportToFiles(Summary summary, ILogger consoleLogger)
    {
        using var device = new OpenedDevice();
        bool isTiny = OpenedDevice.IsTiny;
        double copied = DeviceRates.BytesPerSecond(device.Backend, isTiny ? 1 << 20 : 1L << 31);
        double multiplied = DeviceRates.OperationsPerSecond(device.Backend, isTiny ? 256 : 8192);
        string path = OpenedDevice.Arguments.Results;
        foreach (BenchmarkReport report in summary.Reports)
        {
            if (report.ResultStatistics is not { } statistics) continue;
            BenchmarkCase benchmark = report.BenchmarkCase;
            MethodInfo method = benchmark.Descriptor.WorkloadMethod;
            object? parameter = benchmark.Parameters.Items.Select(item => item.Value).FirstOrDefault();
            double bytes = (method.GetCustomAttribute<TrafficAttribute>()?.BytesPerElement ?? 0) * ((parameter as RowShape)?.Elements ?? 0);
            double operations = (method.GetCustomAttribute<WorkAttribute>()?.Operations ?? 0) * ((parameter as IWork)?.Operations ?? 0);
            bool isMemoryBound = bytes > 0;
            IEnumerable<double> rates = statistics.OriginalValues.Select(nanoseconds => isMemoryBound ? bytes / nanoseconds : operations / nanoseconds / 1e3);
            new Measurement(isMemoryBound ? "G12" : "G13", $"{method.Name}, {parameter}", OpenedDevice.Arguments.Setting, isMemoryBound ? "GB/s" : "TFLOP/s", [.. rates])
            {
                Roof = isMemoryBound ? copied / 1e9 : multiplied / 1e12,
            }.Write(device.Backend.DeviceName, path);
        }
        return path.Length > 0 ? [path] : [];
    }
}
