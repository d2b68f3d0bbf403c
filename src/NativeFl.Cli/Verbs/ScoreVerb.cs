using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Reports;

namespace NativeFl.Cli.Verbs;

/// <summary>score: how little each layer turns the residual stream.</summary>
internal static class ScoreVerb
{
    public static Verb Verb => new(
        "score",
        "Measure which attention and MLP layers do least",
        [DataFlags.Model, DataFlags.Data, LayerFlags.Granularity, .. LayerFlags.OfCalibration],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        string target = run.Get(SharedFlags.Out);
        using OutputFolder? output = target.Length == 0 ? null : OutputFolder.Create(target, run.Get(SharedFlags.Force));
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        IReadOnlyList<TokenizedExample> samples = CalibrationData.Load(run, input);
        using Transformer model = input.Load();
        LayerScores scores;
        using (var bar = new ProgressBar(run, "score"))
            scores = new SimilarityScorer(model).Measure(samples, 1, done => bar.Report(done, samples.Count, 0, ""), run.Cancellation);
        JsonObject result = LayerJson.Of(scores, LayerFlags.GranularityOf(run.Get(LayerFlags.Granularity)));
        run.Print(new ReportTable("Layers", ["layer", "similarity", "importance"],
        [
            .. result["layers"]!.AsArray().Select(layer => (IReadOnlyList<string>)
            [
                $"{layer!["kind"]?.GetValue<string>() ?? "block"} {layer["index"]}",
                Figures.WithError(layer["similarity"]!.GetValue<double>(), (double?)layer["stderr"]),
                Figures.Loss(layer["importance"]!.GetValue<double>()),
            ]),
        ]));
        run.Print($"{Figures.Count(scores.Tokens)} tokens in {scores.Samples} samples");
        if (output is null) return result;
        LayerScoresFile.Write(output.WorkPath, scores);
        ReportFile.Write(output.WorkPath, run, LayerReport.Page(scores));
        RunRecord.Write(output.WorkPath, run, result);
        output.Commit();
        return result;
    }
}
