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
    /// <summary>Measures, and writes what comes out.</summary>
    public static JsonObject Run(VerbRun run, ModelInput input, ValueInput data)
    {
        InRunOptions options = Options(run, input);
        using Transformer model = input.Load();
        var training = new InRunValues(model, data.Proxies, data.Utility.Examples, options);
        using ValueOutput output = ValueOutput.Create(run);
        long tokens = data.Proxies.Sum(proxy => (long)proxy.InputIds.Length);
        run.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"plan: {data.Proxies.Count} proxies, in-run: one fine-tuning of {training.Steps} steps on about {Figures.Count((long)(tokens * options.Training.Epochs))} tokens, and {Figures.Count(training.ValidationTokens)} of validation"));
        double started = run.Clock.Seconds;
        InRunResult found;
        using (var bar = new ProgressBar(run, "value")) found = training.Measure((step, of) => bar.Report(step, of, 0, ""), run.Cancellation);
        double seconds = Math.Round(run.Clock.Seconds - started, 3);
        ProxyValues values = Values(found, data.Ids);
        JsonObject result = ValueReport.Json(values, new JsonObject
        {
            ["utility"] = data.Utility.Name,
            ["tokens"] = found.TrainingTokens,
            ["validation_tokens"] = found.ValidationTokens,
            ["seconds"] = seconds,
        });
        string cost = $"One fine-tuning of {training.Steps} steps on {Figures.Count(found.TrainingTokens)} tokens, and {Figures.Count(found.ValidationTokens)} of validation, in {Figures.Duration(TimeSpan.FromSeconds(seconds))}.";
        string unit = options.Normalised ? "in cosines, summed over the steps" : "in nats of log-probability a token";
        output.Complete(data.Clusters, values, result, ValueReport.Page(values, unit, cost + " Error bars are over the validation records."));
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
