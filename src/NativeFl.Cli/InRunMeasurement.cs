using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.DataRefinement;
using NativeFl.Finetuning;
using NativeFl.Models;

namespace NativeFl.Cli;

/// <summary>refine value --estimator in-run: values out of one training on all proxies.</summary>
internal static class InRunMeasurement
{
    // After so many steps of its own a run says how long the rest will take.
    private const int FirstSteps = 4;

    /// <summary>Measures, and writes what comes out.</summary>
    public static JsonObject Run(VerbRun run, ModelInput input, ValueInput data)
    {
        InRunOptions options = Options(run, input);
        InRunMemory memory = InRunMemory.Plan(
            run.Device, input.Config, input.WeightType, data.Proxies, data.Utility.Examples, options, ValuePlan.BytesFor(run));
        options = options with { MaxRows = memory.MaxRows, Checkpoint = ValueOutput.StateOf(run) };
        using ValueOutput output = ValueOutput.OpenTraining(run, data.Clusters, Game(run, input, data));
        using Transformer model = input.Load();
        var training = new InRunValues(model, data.Proxies, data.Utility.Examples, options);
        Announce(run, data, options, memory, training);
        double started = run.Clock.Seconds;
        InRunResult found = Measure(run, training);
        double seconds = Math.Round(run.Clock.Seconds - started, 3);
        ProxyValues values = Values(found, data.Ids);
        JsonObject result = ValueReport.Json(values, new JsonObject
        {
            ["utility"] = data.Utility.Name,
            ["tokens"] = found.TrainingTokens,
            ["validation_tokens"] = found.ValidationTokens,
            ["seconds"] = seconds,
            ["rows"] = memory.MaxRows,
            ["planned_bytes"] = memory.Bytes,
        });
        string cost = $"One fine-tuning of {training.Steps} steps on {Figures.Count(found.TrainingTokens)} tokens, and {Figures.Count(found.ValidationTokens)} of validation, in {Figures.Duration(TimeSpan.FromSeconds(seconds))}.";
        string unit = options.Normalised ? "in cosines, summed over the steps" : "in nats of log-probability a token";
        output.Complete(values, result, ValueReport.Page(values, unit, cost + " Error bars are over the validation records."));
        run.Print(ValueReport.Table(values));
        run.Print($"{output.Path}: {cost}");
        return result;
    }

    /// <summary>Every proxy is a player of its own; v of none and of all are those before and after the training.</summary>
    public static ProxyValues Values(InRunResult found, IReadOnlyList<string> ids) => new()
    {
        Estimator = RefineValueFlags.InRun,
        Proxies = [.. found.Values.Select((value, i) => new ProxyValue(ids[i], value.Value, value.StandardError, value.Marginals, i))],
        Groups = ids.Count,
        FineTunings = 1,
        EmptyValue = found.Before,
        WholeValue = found.After,
    };

    /// <summary>Says on stderr what is to come.</summary>
    private static void Announce(VerbRun run, ValueInput data, InRunOptions options, InRunMemory memory, InRunValues training)
    {
        long tokens = data.Proxies.Sum(proxy => (long)proxy.InputIds.Length);
        run.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"plan: {data.Proxies.Count} proxies, in-run: one fine-tuning of {training.Steps} steps on about {Figures.Count((long)(tokens * options.Training.Epochs))} tokens, and {Figures.Count(training.ValidationTokens)} of validation"));
        run.Note(string.Create(CultureInfo.InvariantCulture, $"plan: at most {memory.MaxRows} token rows a pass, {Figures.Bytes(memory.Bytes)}"));
    }

    private static InRunResult Measure(VerbRun run, InRunValues training)
    {
        using var bar = new ProgressBar(run, "value");
        double started = run.Clock.Seconds;
        int before = 0;
        return training.Measure(Step, Resume, run.Cancellation);

        void Resume(int steps)
        {
            (before, bar.From) = (steps, steps);
            run.Note(string.Create(CultureInfo.InvariantCulture, $"plan: {steps} of the {training.Steps} steps are made already, and are not made again"));
        }

        void Step(int step, int steps)
        {
            if (step - before == FirstSteps && step < steps)
            {
                double seconds = run.Clock.Seconds - started;
                bar.Wipe();
                run.Note(string.Create(
                    CultureInfo.InvariantCulture,
                    $"first {FirstSteps} steps: {seconds:0.0} s; about {Figures.Duration(TimeSpan.FromSeconds(seconds * (steps - step) / FirstSteps))} for the rest"));
            }

            bar.Report(step, steps, 0, "");
        }
    }

    private static string Game(VerbRun run, ModelInput input, ValueInput data) => ValuePlan.GameOf(
        run, input, data, [.. Enumerable.Range(0, data.Proxies.Count).Select(proxy => new[] { proxy })],
        RefineValueFlags.Budget, RefineValueFlags.Order, RefineValueFlags.Normalise);

    private static InRunOptions Options(VerbRun run, ModelInput input)
    {
        TrainingOptions training = TrainingSetup.Options(run, run.Get(TrainingFlags.LoraDropout));
        if (run.Get(RefineValueFlags.Budget) is { } epochs) training = training with { Epochs = epochs };
        return new InRunOptions
        {
            Lora = ValuePlan.Lora(run, input),
            Training = training,
            Seed = run.Seed,
            Order = run.Get(RefineValueFlags.Order) == "second" ? InRunOrder.Second : InRunOrder.First,
            Normalised = run.Get(RefineValueFlags.Normalise),
        };
    }
}
