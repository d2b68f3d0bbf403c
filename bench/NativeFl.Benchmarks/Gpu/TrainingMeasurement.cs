using System.Diagnostics;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// Whole training steps of a <see cref="TrainingCase"/>, as <see cref="AdapterTrainer"/> makes them: forward, loss, backward, clip, AdamW,
/// the norms and losses read back. A step ends when the host has them, so the times are those of a user.
/// </summary>
internal static class TrainingMeasurement
{
    /// <summary>Distinct batches, taken in turns.</summary>
    private const int Batches = 4;

    // gpu-train --case G1 [--warmup 10] [--steps 40]
    public static void Run(ReadOnlySpan<string> words)
    {
        var arguments = new GpuArguments(words, "--case", "--warmup", "--steps");
        string name = arguments.Text("--case", "G1");
        TrainingCase given = TrainingCase.All.FirstOrDefault(known => known.Name == name)
            ?? throw new ArgumentException($"--case: expected one of {string.Join(", ", TrainingCase.All.Select(known => known.Name))}, got {name}");
        using Backend backend = arguments.Open();
        bool isLarge = !name.StartsWith("tiny", StringComparison.Ordinal);
        double operationsPerSecond = DeviceRates.OperationsPerSecond(backend, isLarge ? 8192 : 256);
        int warmup = arguments.Number("--warmup", 10), steps = arguments.Number("--steps", 40);

        using Transformer model = RandomWeights.Model(backend, given.Config, backend.ActivationType);
        var clock = new StepClock(backend, given.Ranks.Length);
        var tasks = given.Ranks.Select((rank, k) => new ClientTask
        {
            Id = $"{k}",
            Seed = (ulong)k,
            Examples = [.. Enumerable.Range(0, Batches * given.Sequences).Select(i => RandomWeights.Sequence(given.Config, k, i, given.Length))],
            Initial = RandomWeights.Adapter(given.Config, k, rank),
            Options = new TrainingOptions { BatchSize = given.Sequences, Steps = warmup + steps, Shuffle = false, LearningRate = 3e-4 },
        }).ToArray();
        new AdapterTrainer(model, new TrainerOptions { MaxRows = given.Tokens }).Train(tasks, observer: clock);

        double[] rates = [.. clock.Seconds.Skip(warmup).Select(seconds => given.Tokens / seconds)];
        new Measurement(given.Name, "", arguments.Setting, "tokens/s", rates)
        {
            Roof = operationsPerSecond / given.OperationsPerToken,
            PeakBytes = clock.PeakBytes,
            Losses = clock.Losses,
            GradNorms = clock.GradNorms,
        }.Write(backend.DeviceName, arguments.Results);
        if (!clock.GradNorms.All(norm => norm > 0 && double.IsFinite(norm)))
            throw new InvalidOperationException($"{given.Name}: a gradient norm is zero or not finite: these steps train nothing");
    }

    /// <summary>Times the steps and keeps what they report: the mean loss and the smallest gradient norm of the adapters.</summary>
    private sealed class StepClock(Backend backend, int adapters) : ITrainingObserver
    {
        private long _last = Stopwatch.GetTimestamp();
        private double _loss, _norm = double.PositiveInfinity;

        public List<double> Seconds { get; } = [];

        public List<double> Losses { get; } = [];

        public List<double> GradNorms { get; } = [];

        public long PeakBytes { get; private set; }

        public void OnStep(TrainingStep step)
        {
            _loss += step.Loss / adapters;
            _norm = Math.Min(_norm, step.GradNorm);
        }

        public void OnPass(int step, AdapterStack? stack)
        {
            long now = Stopwatch.GetTimestamp();
            Seconds.Add(Stopwatch.GetElapsedTime(_last, now).TotalSeconds);
            Losses.Add(_loss);
            GradNorms.Add(_norm);
            PeakBytes = Math.Max(PeakBytes, backend.AllocatedBytes);
            (_last, _loss, _norm) = (now, 0, double.PositiveInfinity);
        }
    }
}
