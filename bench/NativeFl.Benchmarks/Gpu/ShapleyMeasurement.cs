using System.Diagnostics;
using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// Case G14: orders a second along which every one of 1,000 players gets its marginal, in games that the device computes. The same as
/// <c>bench/peers/shapley_peer.py</c> does with batches of orders. A figure counts only if the values add up to v(all).
/// </summary>
internal static class ShapleyMeasurement
{
    private const string Case = "G14";

    // gpu-shapley [--blocks 65536] [--warmup 2] [--steps 9] [--tiny]
    public static void Run(ReadOnlySpan<string> words)
    {
        var arguments = new GpuArguments(words, "--blocks", "--warmup", "--steps", "--tiny");
        using Backend backend = arguments.Open();
        bool isTiny = arguments.Has("--tiny");
        int n = isTiny ? 40 : 1000, width = isTiny ? 8 : 64, wide = isTiny ? 50 : 4096, points = isTiny ? 9 : 256, blocks = arguments.Number("--blocks", isTiny ? 16 : 65536);
        using var operands = new ShapleyOperands(backend, n, Math.Min(1024, blocks));

        TensorView gains = operands.Floats("gains", n, 1), rows = operands.Floats("rows", n, width), gram = operands.Gram("long rows", wide);
        (TensorView weights, long quota) = operands.Votes();
        TensorView keys = operands.Keys(points);
        Measure($"quadratic, n = {n}, d = {width}", orders => backend.ShapleyQuadratic(gains, rows, orders, operands.Partials, operands.Moments));
        Measure($"quadratic by products of rows, n = {n}, d = {wide}", orders => backend.ShapleyGram(gains, gram, orders, operands.Partials, operands.Moments));
        Measure($"voting, n = {n}", orders => backend.ShapleyVoting(weights, quota, orders, operands.Partials, operands.Moments), all: 1);
        Measure($"nearest neighbours, n = {n}, T = {points}, K = 5", orders => backend.ShapleyNeighbours(keys, 5, orders, operands.Partials, operands.Moments));

        void Measure(string item, Action<PlayerOrders> walk, double? all = null)
        {
            int warmup = arguments.Number("--warmup", isTiny ? 0 : 2), steps = arguments.Number("--steps", isTiny ? 1 : 9);
            List<double> rates = [];
            for (int step = 0; step < warmup + steps; step++)
            {
                long start = Stopwatch.GetTimestamp();
                walk(new PlayerOrders(1, blocks) { First = step * blocks });
                backend.Synchronize();
                if (step >= warmup) rates.Add(blocks / Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            // What all have over none is the same along every order, so one order says what many must add up to.
            double sum = operands.SumOfValues(blocks);
            walk(new PlayerOrders(1, 1));
            double expected = all ?? operands.SumOfValues(1);
            if (!(Math.Abs(sum - expected) <= 1e-3 * (Math.Abs(expected) + 1))) throw new InvalidOperationException($"{Case} {item}: the values add up to {sum}, not {expected}");
            new Measurement(Case, item, arguments.Setting, "orders/s", rates) { PeakBytes = backend.AllocatedBytes }.Write(backend.DeviceName, arguments.Results);
        }
    }
}
