using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Cli.Quickstart;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tokenization;

namespace NativeFl.Cli.Verbs;

/// <summary>
/// quickstart: the whole story without a download: data, a small base, ten clients of unequal rank, FLoRA and what it is compared with,
/// measured on questions that no client asked.
/// </summary>
internal static class QuickstartVerb
{
    private static readonly Flag<string> Target = SharedFlags.Out with { Default = "nativefl-quickstart", Help = "the folder to write [nativefl-quickstart]" };

    private static Flag<string> Size { get; } = new(
        "--size", FlagTypes.Choice(QuickstartPlan.Standard.Name, QuickstartPlan.Small.Name), QuickstartPlan.Standard.Name,
        "standard, or small: every stage in seconds, too little to compare anything [standard]");

    public static Verb Verb => new("quickstart", "Run the whole story on this machine: no input, a few minutes", [Size, Target], Run);

    private static JsonObject Run(VerbRun run)
    {
        using OutputFolder output = OutputFolder.Create(run.Get(Target), run.Get(SharedFlags.Force));
        QuickstartPlan plan = run.Get(Size) == QuickstartPlan.Small.Name ? QuickstartPlan.Small : QuickstartPlan.Standard;
        string folder = output.WorkPath, data = Path.Combine(folder, "data"), baseFolder = Path.Combine(folder, "base");
        run.Print($"1. Data: questions of {FactBook.Categories.Count} kinds ({string.Join(", ", FactBook.Categories)}).");
        var made = new QuickstartData(run.Seed, plan.Sentences, plan.Questions);
        QuickstartBase.WriteData(data, made);
        Tokenizer tokenizer = QuickstartBase.WriteTokenizer(baseFolder, made);
        run.Print($"   {made.Training.Count} for the clients, {made.HeldOut.Count} held out; {Figures.Count(made.Prose.Count)} paragraphs of prose; {tokenizer.VocabularySize} tokens.");

        (Transformer model, ClientUpdate update) = QuickstartBase.Pretrain(run, plan, baseFolder, data, tokenizer);
        using Transformer baseModel = model;
        run.Print(string.Create(
            CultureInfo.InvariantCulture,
            $"2. Base: a Llama of {model.Weights.ParameterCount / 1e6:0.00} M parameters read the prose, loss {update.Losses[0]:0.00} -> {update.Losses[^1]:0.00} ({run.Clock.Seconds:0} s so far)."));

        var heldOut = new QuickstartHeldOut(Path.Combine(data, QuickstartBase.HeldOutFile), tokenizer);
        IReadOnlyList<TokenizedExample> examples = heldOut.Read(Path.Combine(data, QuickstartBase.TrainingFile));
        var federations = new QuickstartRun(run, plan, baseModel, heldOut, examples);
        run.Print($"3. Clients: {QuickstartPlan.Clients}, with {string.Join(", ", federations.ClientSizes)} examples (Dirichlet {Figures.Short(QuickstartPlan.DirichletAlpha)} over the kinds)");
        run.Print($"   and ranks {string.Join(", ", QuickstartPlan.UnequalRanks)}; or all of rank {QuickstartPlan.EqualRanks[0]}, where a method needs equal ones. {plan.Rounds} rounds.");
        var refinement = QuickstartRefinement.Run(run, plan, baseModel, heldOut, made, data);
        run.Print($"4. Records: {refinement.Line()}");
        run.Print("");
        return Compare(run, plan, output, federations, made, update, refinement);
    }

    private static JsonObject Compare(
        VerbRun run, QuickstartPlan plan, OutputFolder output, QuickstartRun federations, QuickstartData data, ClientUpdate pretraining,
        QuickstartRefinement refinement)
    {
        run.Print($"   {"",-28} {"held-out loss",-18} {"right answers",-18} {"upload",9} {"download",9}  a round");
        List<QuickstartResult> results = [];
        using (MetricsFile metrics = MetricsFile.Create(output.WorkPath, []))
        {
            foreach (QuickstartArm arm in QuickstartPlan.Arms)
            {
                // The first is FLoRA itself: its adapters and its model are kept.
                QuickstartResult result = federations.Train(arm, results.Count == 0 ? output.WorkPath : null);
                if (results.Count == 0) run.Print(Row("base, before", result.Federation.InitialEvaluation!, null));
                results.Add(result);
                metrics.Write(QuickstartRun.Json(result));
                run.Print(Row(arm.Name, result.Final, result));
            }
        }

        JsonObject json = Json(run, results, data, pretraining);
        json["refinement"] = refinement.Json();
        string verdict = QuickstartReport.Verdict(results);
        json["verdict"] = verdict;
        File.WriteAllText(Path.Combine(output.WorkPath, ReportFile.FileName), QuickstartReport.Html(run, plan, results, federations.ClientSizes, data, refinement));
        RunRecord.Write(output.WorkPath, run, json);
        output.Commit();
        run.Print("");
        run.Print(verdict);
        run.Print(string.Create(CultureInfo.InvariantCulture, $"{Path.Combine(output.Target, ReportFile.FileName)} shows it, after {run.Clock.Seconds:0} s."));
        return json;
    }

    private static string Row(string name, IReadOnlyDictionary<string, double> figures, QuickstartResult? result)
    {
        string loss = Figures.WithError(figures[HeldOutFigures.Loss], figures[HeldOutFigures.LossError]);
        string answers = Figures.Share(figures[HeldOutFigures.Accuracy], figures[HeldOutFigures.AccuracyError]);
        string row = $"   {name,-28} {loss,-18} {answers,-18}";
        return result is null ? row : $"{row} {Figures.Bytes(result.UploadBytes),9} {Figures.Bytes(result.DownloadBytes),9}";
    }

    private static JsonObject Json(VerbRun run, List<QuickstartResult> results, QuickstartData data, ClientUpdate pretraining) => new()
    {
        ["seed"] = run.Seed,
        ["train_examples"] = data.Training.Count,
        ["held_out_examples"] = data.HeldOut.Count,
        ["pretraining_steps"] = pretraining.Steps,
        ["pretraining_loss"] = JsonOutput.Number(pretraining.Losses[^1]),
        ["base"] = FederationJson.Evaluation(results[0].Federation.InitialEvaluation),
        ["runs"] = new JsonArray([.. results.Select(QuickstartRun.Json)]),
        ["seconds"] = run.Clock.Seconds,
        ["out"] = run.Get(Target),
    };
}
