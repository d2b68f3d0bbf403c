using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.LayerDropping;
using NativeFl.Models;

namespace NativeFl.Cli.EvalTasks;

/// <summary>eval --sweep: a task, the speed of decoding and the size of its cache, for one count of dropped layers after another.</summary>
internal static class EvalSweep
{
    /// <summary>Measures everything from one loaded model; report.html goes into the output, if there is one.</summary>
    public static JsonObject Run(VerbRun run, ModelInput input, AdapterFolderContent? adapter, IEvalTask task, SweepCounts given, OutputFolder? output)
    {
        DropRequest request = DropRequestInput.Of(run, 0, SweepFlags.Calibration);
        IReadOnlyList<int> counts = given.UpTo(LayerDropper.Most(input.Config, request.Granularity));
        LayerDropper.Check(input.Config, request with { Count = counts[^1] }, run.Flags.Source(SweepFlags.Counts));
        IReadOnlyList<DecodeOptions> decodes = SweepFlags.Decodes(run, input.Config);
        string folder = run.Get(LayerFlags.Scores);
        LayerScores? scores = folder.Length == 0 ? null : LayerScoresFile.Read(folder, input.Config);
        bool needsData = DropRequestInput.NeedsData(request) && scores is null;
        IReadOnlyList<TokenizedExample> samples = needsData ? CalibrationData.Load(run, input, run.Get(SweepFlags.Calibration)) : [];
        using Transformer model = input.Load();
        IReadOnlyList<DropChoice> choices = scores is null
            ? Choose(run, new LayerDropper(model, samples), request, counts)
            : [.. counts.Select(count => LayerDropper.FromScores(model.Config, scores, request with { Count = count }))];
        var sweep = new DropSweep(model, choices, adapter?.Weights);
        IReadOnlyList<EvalFigure> figures = Evaluate(run, sweep, task, counts);
        IReadOnlyList<IReadOnlyList<DecodeResult>> speeds = Decode(run, sweep, decodes);
        SweepRow[] rows = [.. counts.Select((count, i) => new SweepRow(count, choices[i], figures[i], speeds[i]))];
        run.Print(SweepReport.Table(rows));
        DropReport.Warn(run, choices[^1]);
        if (output is not null) ReportFile.Write(output.WorkPath, run, SweepReport.Page(rows, run.Get(LayerFlags.Granularity), run.Get(LayerFlags.Method)));
        return Json(run, model.Config, DropRequestInput.Measured(scores, samples), rows);
    }

    private static IReadOnlyList<DropChoice> Choose(VerbRun run, LayerDropper dropper, DropRequest request, IReadOnlyList<int> counts)
    {
        using var bar = new ProgressBar(run, "choose");
        return dropper.Choose(request, counts, (done, of) => bar.Report(done, of, 0, ""), run.Cancellation);
    }

    private static IReadOnlyList<EvalFigure> Evaluate(VerbRun run, DropSweep sweep, IEvalTask task, IReadOnlyList<int> counts)
    {
        using var bar = new ProgressBar(run, "eval");
        return sweep.Evaluate((i, model, stack) =>
        {
            string remark = $"{counts[i]} dropped";
            bar.Report(i, counts.Count, 0, remark);
            return task.Measure(model, stack, (done, of) => bar.Report(((long)i * of) + done, (long)counts.Count * of, 0, remark));
        });
    }

    private static IReadOnlyList<IReadOnlyList<DecodeResult>> Decode(VerbRun run, DropSweep sweep, IReadOnlyList<DecodeOptions> decodes)
    {
        using var bar = new ProgressBar(run, "decode");
        return sweep.Decode(decodes, run.Get(SweepFlags.Rounds), (done, of) => bar.Report(done, of, 0, ""), run.Cancellation);
    }

    private static JsonObject Json(VerbRun run, ModelConfig config, (int Samples, long Tokens) calibration, IReadOnlyList<SweepRow> rows) => new()
    {
        ["granularity"] = run.Get(LayerFlags.Granularity),
        ["method"] = run.Get(LayerFlags.Method),
        ["samples"] = calibration.Samples,
        ["tokens"] = calibration.Tokens,
        ["sweep"] = new JsonArray([.. rows.Select(row => (JsonNode)Row(row, config))]),
    };

    private static JsonObject Row(SweepRow row, ModelConfig config)
    {
        var json = new JsonObject { ["dropped"] = row.Count };
        foreach ((string name, JsonNode? value) in row.Figure.Json) json[name] = value?.DeepClone();
        json["decode"] = new JsonArray([.. row.Decode.Select(result => (JsonNode)Decode(result))]);
        LayerJson.Add(json, row.Choice, config.Dropped.With(row.Choice.Dropped.Sublayers), config.LayerCount);
        return json;
    }

    private static JsonObject Decode(DecodeResult result) => new JsonObject
    {
        ["batch"] = result.Options.Sequences,
        ["prompt_tokens"] = result.Options.PromptLength,
        ["new_tokens"] = result.Options.NewTokens,
        ["seconds_per_step"] = JsonOutput.Number(result.SecondsPerStep),
        ["tokens_per_second"] = JsonOutput.Number(result.TokensPerSecond),
        ["prefill_tokens_per_second"] = JsonOutput.Number(result.PrefillTokensPerSecond),
        ["kv_cache_bytes"] = result.CacheBytes,
    };
}
