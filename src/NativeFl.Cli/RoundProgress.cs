using System.Globalization;
using NativeFl.Finetuning;

namespace NativeFl.Cli;

/// <summary>The progress bar of one round: all steps of all clients.</summary>
internal sealed class RoundProgress(VerbRun run, string what) : ITrainingObserver, IDisposable
{
    private readonly ProgressBar _bar = new(run, what);
    private readonly Dictionary<string, (int Done, int Total)> _clients = [];
    private long _tokens;

    /// <inheritdoc/>
    public void OnStep(TrainingStep step)
    {
        if (!_clients.ContainsKey(step.Client)) _bar.From += step.Step - 1;
        _clients[step.Client] = (step.Step, step.TotalSteps);
        _tokens += step.Tokens;
        _bar.Report(
            _clients.Values.Sum(c => c.Done), _clients.Values.Sum(c => c.Total), _tokens,
            string.Create(CultureInfo.InvariantCulture, $"client {step.Client} loss {step.Loss:0.0000}"));
    }

    /// <inheritdoc/>
    public void Dispose() => _bar.Dispose();
}
