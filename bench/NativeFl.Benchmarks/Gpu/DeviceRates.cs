using System.Diagnostics;
using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>The two limits of a device, as this process reaches them now: what other figures are shares of.</summary>
internal static class DeviceRates
{
    /// <summary>Bytes read and written a second by a copy of a block far larger than the caches.</summary>
    public static double BytesPerSecond(Backend backend, long bytes)
    {
        using var operands = new DeviceOperands(backend);
        int columns = 4096, rows = (int)(bytes / (2 * columns));
        TensorView source = operands.Random(rows, columns), destination = operands.Random(rows, columns);
        return 2.0 * source.Bytes / Fastest(backend, 10, () => backend.Copy(source, destination));
    }

    /// <summary>Operations a second of a square product of random numbers.</summary>
    public static double OperationsPerSecond(Backend backend, int size)
    {
        using var operands = new DeviceOperands(backend);
        TensorView a = operands.Random(size, size), b = operands.Random(size, size), c = operands.Random(size, size);
        return 2.0 * size * size * size / Fastest(backend, 10, () => backend.MatMul(a, false, b, true, false, c));
    }

    /// <summary>Seconds of one call: the fastest of three runs of <paramref name="calls"/> calls that are waited for together.</summary>
    private static double Fastest(Backend backend, int calls, Action call)
    {
        double fastest = double.PositiveInfinity;
        for (int run = 0; run < 4; run++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < calls; i++) call();
            backend.Synchronize();
            if (run > 0) fastest = Math.Min(fastest, Stopwatch.GetElapsedTime(start).TotalSeconds / calls);
        }
        return fastest;
    }
}
