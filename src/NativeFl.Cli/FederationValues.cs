using System.Globalization;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tokenization;

namespace NativeFl.Cli;

/// <summary>--value-clients of a federation: what it is measured on, and the plan that is shown before the run.</summary>
internal static class FederationValues
{
    /// <summary>What the flags ask for, or null.</summary>
    public static ClientValueOptions? Load(VerbRun run, ModelConfig config, Func<Tokenizer> tokenizer)
    {
        ClientValueFlags.Check(run);
        if (run.Get(ClientValueFlags.Games).Length == 0) return null;
        IReadOnlyList<DataRecord> records = RecordReader.Read(run.Get(ClientValueFlags.Data));
        if (!run.Get(ClientValueFlags.Overlap))
        {
            PromptOptions options = TrainingData.Options(run, config);
            string flag = run.Flags.Source(ClientValueFlags.Data);
            RecordContent.RequireDisjoint(flag, records, RecordReader.Read(run.Get(DataFlags.Data)), "--data", options);
            if (run.Get(EvaluationFlags.EvalData) is { Count: > 0 } held)
                RecordContent.RequireDisjoint(flag, records, RecordReader.Read(held), "--eval-data (or --value-overlap)", options);
        }

        string estimator = run.Get(ClientValueFlags.Estimator);
        return new ClientValueOptions
        {
            Games = run.Get(ClientValueFlags.Games),
            Validation = TrainingData.Tokenize(run, records, config, tokenizer),
            Budget = run.Get(ClientValueFlags.Budget),
            Estimator = estimator.Length == 0 ? null : estimator,
            SetsWeights = run.Get(ClientValueFlags.Weights),
        };
    }

    /// <summary>Refuses a budget that allows nothing, and says what the values will take.</summary>
    public static void Plan(VerbRun run, FederationOptions options, IReadOnlyList<ClientSpecification> admitted, ModelConfig config, FederationClients clients)
    {
        if (options.Values is null) return;
        IReadOnlyList<ClientValuePlan> plans = new RoundValuation(options, config, clients.Examples).Plans(admitted);
        foreach (IGrouping<(string, int), ClientValuePlan> alike in plans.GroupBy(plan => (plan.Estimator, plan.Evaluations)))
        {
            double share = alike.Max(plan => plan.Operations / plan.TrainingOperations!.Value);
            string rounds = alike.Count() == plans.Count ? "every round" : string.Create(CultureInfo.InvariantCulture, $"{alike.Count()} of {plans.Count} rounds");
            run.Print(string.Create(
                CultureInfo.InvariantCulture,
                $"client values, {rounds}: {ClientValueReport.How(alike.First())}, at most {100 * share:0.##} % of the training operations (budget {100 * options.Values.Budget:0.##} %)"));
        }
    }
}
