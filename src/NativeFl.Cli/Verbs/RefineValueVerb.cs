using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Models;
using NativeFl.Valuation;

namespace NativeFl.Cli.Verbs;

/// <summary>refine value: what records are worth to a fine-tuning, by their proxies.</summary>
internal static class RefineValueVerb
{
    public static Verb Verb => new(
        "refine value",
        "Tell what records are worth by fine-tuning with and without them",
        [DataFlags.Model, DataFlags.OptionalData, .. RefineValueFlags.All, .. RefineValueFlags.Training, .. DataFlags.Single, OutputFlags.Folder],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        RefineValueFlags.Check(run);
        ValueOutput.Check(run);
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        ValueInput data = ValueInput.Load(run, input);
        return run.Get(RefineValueFlags.Estimator) == RefineValueFlags.InRun ? InRunMeasurement.Run(run, input, data) : Coalitions(run, input, data);
    }

    /// <summary>Values from a table of fine-tunings.</summary>
    private static JsonObject Coalitions(VerbRun run, ModelInput input, ValueInput data)
    {
        ValuePlan plan = ValuePlan.Of(run, input, data);
        using ValueOutput output = ValueOutput.Open(run, data.Clusters, plan.Groups.Count, plan.Game);
        using Transformer model = input.Load();
        IReadOnlyList<IReadOnlyList<TokenizedExample>> players =
            [.. plan.Groups.Select(group => (IReadOnlyList<TokenizedExample>)[.. group.Select(proxy => data.Proxies[proxy])])];
        var game = new FineTuningGame(model, players, data.Utility, plan.Options);
        plan.Announce(run, game, output.Values, data.Proxies.Count);
        var measurement = new ValueMeasurement(run, plan, game, output);
        IValueEstimator estimator = measurement.Measure();
        ProxyValues values = ProxyValues.Of(estimator, estimator.Estimate(output.Values), plan.Groups, data.Ids, output.Values);
        JsonObject result = ValueReport.Json(values, new JsonObject
        {
            ["utility"] = data.Utility.Name,
            ["measured"] = measurement.FineTunings,
            ["tokens"] = measurement.Tokens,
            ["seconds"] = measurement.Seconds,
            ["at_once"] = plan.Memory.AtOnce,
            ["planned_bytes"] = plan.Memory.Bytes,
        });
        string cost = $"{values.FineTunings} fine-tunings, {measurement.FineTunings} of them made here, on {Figures.Count(measurement.Tokens)} tokens in "
            + $"{Figures.Duration(TimeSpan.FromSeconds(measurement.Seconds))}, {plan.Memory.AtOnce} side by side.";
        string unit = data.Utility.Name == "accuracy" ? "in shares of right answers" : "in nats of log-probability a token";
        output.Complete(values, result, ValueReport.Page(values, unit, cost));
        run.Print(ValueReport.Table(values));
        run.Print($"{output.Path}: {cost}");
        return result;
    }
}
