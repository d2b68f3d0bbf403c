using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;

namespace NativeFl.Cli;

/// <summary>Watches the training of one client or one model: metrics.jsonl, the progress bar, and the loss on held-out data every so often.</summary>
internal sealed class TrainingProgress(VerbRun run, string folder, Transformer model, HeldOutSet? heldOut) : ITrainingObserver, IDisposable
{
    private readonly ProgressBar _bar = new(run, run.Verb.Name);
    private MetricsFile? _metrics;
    private long _tokens;
    private int _lastStep, _totalSteps;

    /// <inheritdoc/>
    public void OnStep(TrainingStep step)
    {
        // The first step says where a resumed run goes on.
        if (_metrics is null) (_metrics, _bar.From) = (MetricsFile.Open(folder, step.Step - 1), step.Step - 1);
        _tokens += step.Tokens;
        (_lastStep, _totalSteps) = (step.Step, step.TotalSteps);
        _metrics.Write(new JsonObject
        {
            ["step"] = step.Step,
            ["loss"] = JsonOutput.Number(step.Loss),
            ["learning_rate"] = JsonOutput.Number(step.LearningRate),
            ["grad_norm"] = JsonOutput.Number(step.GradNorm),
            ["tokens"] = step.Tokens,
        });
        _bar.Report(step.Step, step.TotalSteps, _tokens, string.Create(CultureInfo.InvariantCulture, $"loss {step.Loss:0.0000}"));
    }

    /// <inheritdoc/>
    public void OnPass(int step, AdapterStack? stack)
    {
        if (heldOut is null || (step % heldOut.Every != 0 && step != _totalSteps)) return;
        Measure(heldOut, step, stack);
    }

    /// <summary>Measures what came out where that is still to be done: a run that was stopped in its last measurement goes on with no step.</summary>
    public void Finish(ClientUpdate update)
    {
        if (heldOut is null || _lastStep > 0) return;
        _metrics ??= MetricsFile.Open(folder, update.Steps);
        using AdapterStack? stack = update.Adapter.Modules.Count == 0 ? null : new AdapterStack(model, [update.Adapter], trainable: false);
        Measure(heldOut, update.Steps, stack);
    }

    /// <summary>The last measurement on held-out data, or null.</summary>
    public JsonObject? Last { get; private set; }

    /// <summary>The last step made, for messages.</summary>
    public int LastStep => _lastStep;

    /// <inheritdoc/>
    public void Dispose()
    {
        _bar.Dispose();
        _metrics?.Dispose();
    }

    private void Measure(HeldOutSet set, int step, AdapterStack? stack)
    {
        PerplexityResult result = set.Measure(model, stack, run.Cancellation);
        Last = new JsonObject
        {
            ["step"] = step,
            ["eval_loss"] = JsonOutput.Number(result.Loss),
            ["eval_stderr"] = JsonOutput.Number(result.StandardError),
        };
        _metrics?.Write(Last.DeepClone().AsObject());
        _bar.Wipe();
        run.Note(string.Create(CultureInfo.InvariantCulture, $"step {step}: held-out loss {result.Loss:0.0000}"));
    }
}
