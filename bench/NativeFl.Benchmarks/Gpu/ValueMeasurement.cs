using System.Diagnostics;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Valuation;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// Case G11: the fine-tunings of Shapley's values of 20 groups of 50 records along 10 orders, side by side as adapters of one stack and one
/// after another, each measured on 51,200 tokens. Tokens trained on and measured, over the seconds of both: 37 million of them are the whole.
/// </summary>
internal static class ValueMeasurement
{
    // gpu-values [--at-once 16] [--coalitions N: an even choice of the 192] [--tiny]
    public static void Run(ReadOnlySpan<string> words)
    {
        var arguments = new GpuArguments(words, "--at-once", "--coalitions", "--tiny");
        using Backend backend = arguments.Open();
        bool isTiny = arguments.Has("--tiny");
        ModelConfig config = TrainingCase.All.Single(known => known.Name == (isTiny ? "tiny" : "G1")).Config;
        (int groups, int records, int length, int validation, int orders) = isTiny ? (4, 3, 16, 4, 2) : (20, 50, 256, 200, 10);
        using Transformer model = RandomWeights.Model(backend, config, backend.ActivationType);
        TokenizedExample[][] data = [.. Enumerable.Range(0, groups).Select(g => Enumerable.Range(0, records).Select(i => RandomWeights.Sequence(config, g, i, length)).ToArray())];
        TokenizedExample[] held = [.. Enumerable.Range(0, validation).Select(i => RandomWeights.Sequence(config, groups, i, length))];

        Coalition[] plan = [.. new PermutationShapley(groups, orders, 1).Next(new CoalitionValues(groups))];
        int wanted = Math.Min(plan.Length, arguments.Number("--coalitions", plan.Length));
        Coalition[] chosen = [.. Enumerable.Range(0, wanted).Select(i => plan[(int)(((2L * i) + 1) * plan.Length / (2L * wanted))])];
        double tokens = chosen.Sum(coalition => ((double)coalition.Count * records) + validation) * length;

        Measure("side by side", arguments.Number("--at-once", isTiny ? 3 : 16));
        Measure("one after another", 1);

        void Measure(string item, int atOnce)
        {
            var options = new FineTuningGameOptions
            {
                Lora = new LoraOptions { Rank = isTiny ? 4 : 16 },
                Training = new TrainingOptions { BatchSize = isTiny ? 2 : 8, Shuffle = false },
                AtOnce = atOnce,
                MaxRows = isTiny ? 128 : 32768,
            };
            var game = new FineTuningGame(model, data, held, options);
            game.Measure([.. chosen.Take(1)], CancellationToken.None); // first calls compile
            long start = Stopwatch.GetTimestamp();
            double[] values = [.. chosen.Chunk(atOnce).SelectMany(batch => game.Measure(batch, CancellationToken.None))];
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (!values.All(double.IsFinite)) throw new InvalidOperationException($"G11 {item}: a value is not finite");
            string setting = $"{arguments.Setting}, {wanted} of {plan.Length} coalitions{(atOnce > 1 ? $", {atOnce} at once" : "")}";
            new Measurement("G11", item, setting, "tokens/s", [tokens / seconds]) { PeakBytes = backend.AllocatedBytes }.Write(backend.DeviceName, arguments.Results);
        }
    }
}
