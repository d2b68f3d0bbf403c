using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Reports;
using NativeFl.Tensors;

namespace NativeFl.Cli.Verbs;

/// <summary>refine clients: what each of some adapters, trained anywhere, adds to their weighted sum.</summary>
internal static class RefineClientsVerb
{
    public static Verb Verb => new(
        "refine clients", "Tell what every client's adapter is worth in their weighted sum", [DataFlags.Model, .. RefineClientsFlags.All, OutputFlags.Folder], Run);

    private static JsonObject Run(VerbRun run)
    {
        using OutputFolder output = OutputFolder.Create(run.Get(OutputFlags.Folder), run.Get(SharedFlags.Force));
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        IReadOnlyList<string> folders = run.Get(RefineClientsFlags.Adapters);
        AdapterWeights[] adapters = [.. folders.Select(folder => input.Adapter(folder)!.Weights)];
        IReadOnlyList<double> weights = run.Get(RefineClientsFlags.Weights);
        if (weights.Count == 0) weights = [.. adapters.Select(_ => 1.0)];
        var round = Contributions.Of(adapters, weights, FederationFlags.RenormalizationOf(run));
        IReadOnlyList<TokenizedExample> validation = TrainingData.Load(run, run.Get(RefineClientsFlags.Validation), input.Config, input.Tokenizer);
        if (validation.All(e => e.CountedTokens == 0))
            throw new InvalidInputException(run.Flags.Source(RefineClientsFlags.Validation), "at least one token to score", "none");
        ClientChanges changes = Changes(run, input, round);
        ClientValuePlan plan = Plan(run, changes, validation, input.Config);
        run.Print($"client values: {ClientValueReport.How(plan)}");

        using Transformer model = input.Load();
        using var stack = new ClientStack(model, changes, validation);
        IReadOnlyList<ClientValues> values = new ClientValuation(stack, plan, run.Seed).Measure(run.Get(RefineClientsFlags.Game), run.Cancellation);
        var result = new JsonObject
        {
            ["out"] = run.Get(OutputFlags.Folder),
            ["adapters"] = JsonOutput.Texts(folders),
            ["values"] = ClientValueReport.Json(values),
        };
        Report(run, result, folders, output.WorkPath);
        RunRecord.Write(output.WorkPath, run, result);
        output.Commit();
        return result;
    }

    private static ClientChanges Changes(VerbRun run, ModelInput input, Contributions round)
    {
        if (input.Adapter(run.Get(RefineClientsFlags.Start)) is not { } start) return ClientChanges.Of(round);
        return ClientChanges.Of(round, round.Clients.ToDictionary(c => c.Id, _ => start.Weights), new ServerState { Global = start.Weights });
    }

    private static ClientValuePlan Plan(VerbRun run, ClientChanges changes, IReadOnlyList<TokenizedExample> validation, ModelConfig config)
    {
        int budget = run.Get(RefineClientsFlags.Budget), games = ClientGames.Count(run.Get(RefineClientsFlags.Game));
        string? estimator = run.Get(RefineClientsFlags.Estimator) is { Length: > 0 } name ? name : null;
        ClientValuePlan.Require(run.Flags.Source(RefineClientsFlags.Estimator), estimator, changes.Ids.Count);
        (double evaluation, double slope) = changes.Costs(config, validation);
        return ClientValuePlan.Within(changes.Ids.Count, games, evaluation, slope, budget * evaluation, estimator)
            ?? throw ClientValuePlan.TooSmall(
                run.Flags.Source(RefineClientsFlags.Budget), estimator, Math.Ceiling(ClientValuePlan.Cheapest(changes.Ids.Count, games, evaluation, slope, estimator) / evaluation), budget);
    }

    private static void Report(VerbRun run, JsonObject result, IReadOnlyList<string> folders, string target)
    {
        var report = new HtmlReport("What the clients are worth");
        report.Paragraph(string.Create(
            CultureInfo.InvariantCulture,
            $"{folders.Count} adapters. A value is a client's Shapley value in nats a validation token; above 0 its adapter helps. Intervals are of 95 %, over the validation records and, where they are sampled, the coalitions."));
        foreach (JsonObject values in result["values"]!.AsArray().Select(v => v!.AsObject()))
        {
            string title = ClientValueReport.Title(values);
            ReportTable table = ClientValueReport.Table(title, values, k => folders[k]);
            report.Chart(ClientValueReport.Bars(title, values, k => folders[k])).Table(table);
            run.Print(title);
            run.Print(table);
            if (ClientValueReport.Caveat(values) is not { } caveat) continue;
            report.Paragraph(caveat);
            run.Print(caveat);
        }

        ReportFile.Write(target, run, report);
    }
}
