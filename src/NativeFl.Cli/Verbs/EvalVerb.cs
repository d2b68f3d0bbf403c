using System.Text.Json.Nodes;
using NativeFl.Cli.EvalTasks;
using NativeFl.Cli.Flags;
using NativeFl.Finetuning;
using NativeFl.Models;

namespace NativeFl.Cli.Verbs;

/// <summary>eval: how good a model is on held-out records, with standard errors; with --sweep also without more and more of its layers.</summary>
internal static class EvalVerb
{
    private static Flag<string> Task { get; } = new(
        "--task", FlagTypes.Choice("perplexity", "multiple-choice", "exact-match"), "perplexity", "what is measured [perplexity]");

    public static Verb Verb => new(
        "eval",
        "Measure perplexity, multiple choice or exact match, of a model or of a series of models with layers dropped",
        [
            Task, DataFlags.Model, DataFlags.Adapter, DataFlags.Data, .. DataFlags.Prompt,
            ExactMatchTask.Extract, ExactMatchTask.MaxNewTokens, ExactMatchTask.Batch, .. SweepFlags.All,
        ],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        SweepCounts? counts = SweepFlags.CountsOf(run);
        string target = run.Get(SharedFlags.Out);
        using OutputFolder? output = target.Length == 0 ? null : OutputFolder.Create(target, run.Get(SharedFlags.Force));
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        AdapterFolderContent? adapter = input.Adapter(run.Get(DataFlags.Adapter));
        IEvalTask task = run.Get(Task) switch
        {
            "multiple-choice" => new MultipleChoiceTask(run, input),
            "exact-match" => new ExactMatchTask(run, input),
            _ => new PerplexityTask(run, input),
        };
        JsonObject result = counts is null ? Once(run, input, adapter, task) : EvalSweep.Run(run, input, adapter, task, counts, output);
        if (output is null) return result;
        RunRecord.Write(output.WorkPath, run, result);
        output.Commit();
        return result;
    }

    private static JsonObject Once(VerbRun run, ModelInput input, AdapterFolderContent? adapter, IEvalTask task)
    {
        using Transformer model = input.Load();
        using AdapterStack? stack = adapter is null ? null : new AdapterStack(model, [adapter.Weights], trainable: false);
        EvalFigure figure;
        using (var bar = new ProgressBar(run, "eval")) figure = task.Measure(model, stack, (done, of) => bar.Report(done, of, 0, ""));
        run.Print(figure.Line);
        return figure.Json;
    }
}
