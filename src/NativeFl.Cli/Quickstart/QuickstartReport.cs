using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Reports;

namespace NativeFl.Cli.Quickstart;

/// <summary>What the quickstart says about its results, whoever wins.</summary>
internal static class QuickstartReport
{
    /// <summary>How FLoRA did against each other run: better or worse where the losses are two standard errors apart, else no difference.</summary>
    public static string Verdict(IReadOnlyList<QuickstartResult> results)
    {
        QuickstartResult flora = results[0], best = results.MinBy(r => r.Final[HeldOutFigures.Loss])!;
        List<string> better = [], same = [], worse = [];
        foreach (QuickstartResult other in results.Skip(1))
        {
            double difference = other.Final[HeldOutFigures.Loss] - flora.Final[HeldOutFigures.Loss];
            double error = Math.Sqrt(Math.Pow(other.Final[HeldOutFigures.LossError], 2) + Math.Pow(flora.Final[HeldOutFigures.LossError], 2));
            (difference > 2 * error ? better : difference < -2 * error ? worse : same).Add(other.Arm.Name);
        }

        string text = $"FLoRA over unequal ranks ends at a held-out loss of {Figures.Loss(flora.Final[HeldOutFigures.Loss])}";
        if (better.Count > 0) text += $"; it is better than {string.Join("; ", better)}";
        if (same.Count > 0) text += $"; within two standard errors of {string.Join("; ", same)}";
        if (worse.Count > 0) text += $"; worse than {string.Join("; ", worse)}";
        return $"{text}. The lowest loss is that of {best.Arm.Name}. One seed is one draw: compare several before believing an order.";
    }

    /// <summary>report.html.</summary>
    public static string Html(
        VerbRun run, QuickstartPlan plan, IReadOnlyList<QuickstartResult> results, IReadOnlyList<int> clientSizes, QuickstartData data,
        QuickstartRefinement refinement)
    {
        string ranks = string.Join(", ", QuickstartPlan.UnequalRanks);
        var report = new HtmlReport("Ten clients of unequal rank, one model");
        report.Paragraph(
            $"A small Llama read {Figures.Count(data.Prose.Count)} paragraphs of prose that hold a few hundred facts. Then {QuickstartPlan.Clients} clients, who share no data, "
            + $"taught it to answer questions: {data.Training.Count} examples of {FactBook.Categories.Count} kinds, split by Dirichlet({Figures.Short(QuickstartPlan.DirichletAlpha)}) over the kinds, "
            + $"{plan.Rounds} rounds. Their LoRA ranks are {ranks}; methods that need equal ranks got 16 each, which is the same sum. Every run started from the same base, partition and seeds.");
        report.Paragraph(
            $"All figures are on {data.HeldOut.Count} questions about facts that no client asked about. Bars and ± are standard errors over questions; for \"local\" they are means over the ten clients' own models.");
        report.Paragraph(Verdict(results));
        report.Chart(new LineChart
        {
            Title = "Held-out loss by round",
            XLabel = "round",
            YLabel = "loss (nats a token of the answer)",
            Series =
            [
                .. results.Select(r => new PlotSeries(r.Arm.Name, [.. Enumerable.Range(0, r.Losses.Count).Select(i => (double)i)], r.Losses) { Errors = r.LossErrors }),
            ],
        });
        report.Chart(new BarChart
        {
            Title = "Right answers after the last round",
            ValueLabel = $"share of {data.HeldOut.Count} answers, right to the letter",
            Bars =
            [
                new PlotBar("base, before", results[0].Federation.InitialEvaluation![HeldOutFigures.Accuracy], results[0].Federation.InitialEvaluation![HeldOutFigures.AccuracyError]),
                .. results.Select((r, i) => new PlotBar(r.Arm.Name, r.Final[HeldOutFigures.Accuracy], r.Final[HeldOutFigures.AccuracyError]) { IsHighlighted = i == 0 }),
            ],
        });
        report.Table(Summary(results)).Table(ByCategory(results)).Table(Clients(results[0], clientSizes));
        refinement.Write(report);
        report.Heading("Recipe").Paragraph("nativefl quickstart makes the same again, to the bit, for the same seed, build and kind of processor.").Code(JsonOutput.Write(Recipe(run, plan), indented: true));
        return report.ToHtml();
    }

    private static ReportTable Summary(IReadOnlyList<QuickstartResult> results) => new(
        "All runs after the last round; bytes are those of all clients in one round, the base not counted",
        ["run", "held-out loss", "right answers", "upload", "download", "exactness", "rounding", "seconds"],
        [.. results.Select(r => (IReadOnlyList<string>)
        [
            r.Arm.Name,
            Figures.WithError(r.Final[HeldOutFigures.Loss], r.Final[HeldOutFigures.LossError]),
            Figures.Share(r.Final[HeldOutFigures.Accuracy], r.Final[HeldOutFigures.AccuracyError]),
            Figures.Bytes(r.UploadBytes),
            Figures.Bytes(r.DownloadBytes),
            r.Federation.Rounds[^1].Exactness is { } exactness ? Figures.Scientific(exactness) : "–",
            r.Federation.Rounds[^1].Rounding is { } rounding ? Figures.Scientific(rounding) : "–",
            r.Seconds.ToString("0.0", CultureInfo.InvariantCulture),
        ])]);

    private static ReportTable ByCategory(IReadOnlyList<QuickstartResult> results) => new(
        "Right answers by kind of question, in per cent",
        ["run", .. FactBook.Categories],
        [
            CategoryRow("base, before", results[0].Federation.InitialEvaluation!),
            .. results.Select(r => CategoryRow(r.Arm.Name, r.Final)),
        ]);

    private static IReadOnlyList<string> CategoryRow(string name, IReadOnlyDictionary<string, double> figures) =>
        [name, .. FactBook.Categories.Select(c => (100 * figures[QuickstartHeldOut.CategoryFigure(c)]).ToString("0", CultureInfo.InvariantCulture))];

    private static ReportTable Clients(QuickstartResult flora, IReadOnlyList<int> sizes) => new(
        "FLoRA's clients in the last round",
        ["client", "rank", "examples", "steps", "training loss", "upload", "download"],
        [.. flora.Federation.Rounds[^1].Clients.Select((ClientRoundResult c) => (IReadOnlyList<string>)
        [
            c.Id.ToString(CultureInfo.InvariantCulture),
            c.Rank.ToString(CultureInfo.InvariantCulture),
            sizes[c.Id].ToString(CultureInfo.InvariantCulture),
            c.Steps.ToString(CultureInfo.InvariantCulture),
            c.Loss is { } loss ? Figures.Loss(loss) : "–",
            Figures.Bytes(c.UploadBytes),
            Figures.Bytes(c.DownloadBytes),
        ])]);

    private static JsonObject Recipe(VerbRun run, QuickstartPlan plan)
    {
        TrainingOptions training = plan.ClientTraining;
        return new JsonObject
        {
            ["command"] = string.Create(CultureInfo.InvariantCulture, $"nativefl quickstart --size {plan.Name} --seed {run.Seed}"),
            ["version"] = ProductVersion.Text,
            ["device"] = run.Backend.DeviceName,
            ["base"] = new JsonObject
            {
                ["hiddenSize"] = plan.Width,
                ["intermediateSize"] = plan.FeedForward,
                ["layers"] = plan.Layers,
                ["heads"] = QuickstartPlan.Heads,
                ["kvHeads"] = QuickstartPlan.KvHeads,
                ["epochs"] = plan.PretrainEpochs,
                ["lr"] = QuickstartPlan.PretrainRate,
                ["batchSize"] = QuickstartPlan.PretrainBatch,
                ["maxLength"] = QuickstartPlan.PretrainLength,
            },
            ["federation"] = new JsonObject
            {
                ["clients"] = QuickstartPlan.Clients,
                ["ranks"] = JsonOutput.Integers(QuickstartPlan.UnequalRanks),
                ["scaling"] = QuickstartPlan.Scaling,
                ["partition"] = $"dirichlet:{Figures.Short(QuickstartPlan.DirichletAlpha)}:category",
                ["rounds"] = plan.Rounds,
                ["localEpochs"] = training.Epochs,
                ["batchSize"] = training.BatchSize,
                ["lr"] = training.LearningRate,
                ["schedule"] = training.Schedule.ToString().ToLowerInvariant(),
                ["template"] = TokenizerFile.Template,
            },
        };
    }
}
