using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli.Verbs;

/// <summary>drop: a checkpoint without the layers that do least.</summary>
internal static class DropVerb
{
    private const string RankingFile = "drop.json";

    public static Verb Verb => new(
        "drop",
        "Drop attention or MLP layers and write the smaller checkpoint",
        [
            DataFlags.Model, LayerFlags.Granularity, LayerFlags.Count, LayerFlags.Method, LayerFlags.Iterative, LayerFlags.Consecutive, LayerFlags.Scores,
            DataFlags.OptionalData, .. LayerFlags.OfCalibration, .. RecoveryFlags.All, LayerFlags.KeepWeights, LayerFlags.ZeroWeights,
            OutputFlags.SaveType, OutputFlags.Folder,
        ],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        DropRequest request = DropRequestInput.Of(run, run.Get(LayerFlags.Count), DataFlags.OptionalData);
        DroppedWeights weights = Weights(run);
        RecoveryFlags.Check(run);
        using OutputFolder output = OutputFolder.Create(run.Get(OutputFlags.Folder), run.Get(SharedFlags.Force));
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        LayerDropper.Check(input.Config, request);
        if (weights == DroppedWeights.Kept && input.Config.Dropped.Count > 0)
            throw new InvalidInputException("--keep-weights", "a model with all its layers", $"one without {input.Config.Dropped}, whose weights are not read");
        string folder = run.Get(LayerFlags.Scores);
        LayerScores? scores = folder.Length == 0 ? null : LayerScoresFile.Read(folder, input.Config);
        IReadOnlyList<TokenizedExample> samples = DropRequestInput.NeedsData(request) && scores is null ? CalibrationData.Load(run, input) : [];
        DropRecovery recovery = DropRecovery.Load(run, input, samples);
        using Transformer model = input.Load();
        DropChoice choice = scores is null ? Choose(run, model, samples, request) : LayerDropper.FromScores(model.Config, scores, request);
        using Transformer dropped = model.Without(choice.Dropped);
        ModelConfig config = dropped.Config;
        JsonObject result = LayerJson.Of(choice, config.Dropped, config.LayerCount, run.Get(LayerFlags.Granularity), run.Get(LayerFlags.Method));
        (result["samples"], result["tokens"]) = DropRequestInput.Measured(scores, samples);
        recovery.Apply(model, choice, input.SaveType, output.WorkPath, result);
        run.Cancellation.ThrowIfCancellationRequested();
        if (input.IsNarrowed) SaveAsStored(run, input, recovery, choice, output.WorkPath, weights);
        else dropped.Save(output.WorkPath, input.SaveType, copyTokenizerFrom: input.Folder, weights);
        File.WriteAllText(Path.Combine(output.WorkPath, RankingFile), JsonOutput.Write(result, indented: true) + "\n");
        ReportFile.Write(output.WorkPath, run, DropReport.Page(choice));
        RunRecord.Write(output.WorkPath, run, result);
        output.Commit();
        run.Print($"{run.Get(OutputFlags.Folder)}: {(choice.Steps.Count == 0 ? "nothing dropped" : "dropped " + choice.Dropped)}");
        if (choice.Steps.Count > 0) run.Print(DropReport.Ranking(choice));
        DropReport.Warn(run, choice);
        if (config.Dropped.Count > 0 && weights == DroppedWeights.LeftOut)
            run.Warn("the dropped weights are left out: a loader that does not know drop_attn_list and drop_mlp_list would fill them at random (--zero-weights)");
        return result;
    }

    /// <summary>The weights that ran are rounded: the files' own, in f32, take the same changes.</summary>
    private static void SaveAsStored(VerbRun run, ModelInput input, DropRecovery recovery, DropChoice choice, string folder, DroppedWeights weights)
    {
        using ModelInput again = ModelInput.Open(run, input.Folder);
        using Transformer model = again.Load(DType.F32), dropped = model.Without(choice.Dropped);
        recovery.ApplyAgain(model, choice, input.SaveType);
        dropped.Save(folder, input.SaveType, copyTokenizerFrom: input.Folder, weights);
    }

    private static DropChoice Choose(VerbRun run, Transformer model, IReadOnlyList<TokenizedExample> samples, DropRequest request)
    {
        using var bar = new ProgressBar(run, "drop");
        return new LayerDropper(model, samples).Choose(request, (done, of) => bar.Report(done, of, 0, ""), run.Cancellation);
    }

    private static DroppedWeights Weights(VerbRun run) => (run.Get(LayerFlags.KeepWeights), run.Get(LayerFlags.ZeroWeights)) switch
    {
        (true, true) => throw new InvalidInputException("--zero-weights", "only one of --keep-weights and --zero-weights", "both"),
        (true, false) => DroppedWeights.Kept,
        (false, true) => DroppedWeights.Zeroed,
        _ => DroppedWeights.LeftOut,
    };
}
