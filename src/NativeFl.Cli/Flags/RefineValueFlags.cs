using NativeFl.Tensors;
using NativeFl.Valuation;

namespace NativeFl.Cli.Flags;

/// <summary>The flags of refine value: whose value, by what, and at what cost.</summary>
internal static class RefineValueFlags
{
    /// <summary>The estimator that is no table of coalitions: values out of one training.</summary>
    public const string InRun = "in-run";

    public static Flag<string> Proxies { get; } = new("--proxies", FlagTypes.Folder, "", "what refine cluster wrote: value the proxies, for their clusters [every record by itself]");

    public static Flag<IReadOnlyList<string>> Validation { get; } = new(
        "--validation", FlagTypes.Files, [], "records that values are measured on; none of them in --data or --test")
    {
        IsRequired = true,
    };

    public static Flag<IReadOnlyList<string>> Test { get; } = new("--test", FlagTypes.Files, [], "records kept for the end: refused if --validation has one of them");

    public static Flag<string> Estimator { get; } = new(
        "--estimator", FlagTypes.Choice([.. EstimatorKind.All.Select(kind => kind.Name), InRun]), "antithetic", "how values are told from fine-tunings [antithetic]");

    public static Flag<int?> Budget { get; } = new(
        "--budget", FlagTypes.OptionalInt(1), null, "fine-tunings at most; with in-run, passes over the data [10 a player, or the least that the estimator needs]");

    public static Flag<double?> BudgetSeconds { get; } = new(
        "--budget-seconds", FlagTypes.OptionalNumber("a number above 0", v => v > 0), null, "as many fine-tunings as seconds allow, instead of --budget; how many that is varies from run to run");

    public static Flag<int?> Groups { get; } = new(
        "--groups", FlagTypes.OptionalInt(1), null, "players: proxies in so many random groups [each by itself, or 50 groups]");

    public static Flag<double> Tolerance { get; } = new(
        "--tolerance", FlagTypes.Number("a number of at least 0", v => v >= 0), 0.01, "truncated: an order is given up within this of the value of all [0.01]");

    public static Flag<string> Order { get; } = new(
        "--order", FlagTypes.Choice("first", "second"), "first", "in-run: whether the curvature of the validation loss along each step counts too [first]");

    public static Flag<bool> Normalise { get; } = new(
        "--normalise", FlagTypes.Switch, false, "in-run: a record's gradient counts by its direction alone, not by its length");

    public static Flag<string> Utility { get; } = new(
        "--utility", FlagTypes.Choice("log-probability", "accuracy"), "log-probability", "of right answers; accuracy needs questions with choices [log-probability]");

    public static Flag<int?> AtOnce { get; } = new(
        "--at-once", FlagTypes.OptionalInt(1, 1 << 10), null, "fine-tunings side by side [as many as fit]");

    public static Flag<IReadOnlyList<long>> MemoryBudget { get; } = new(
        "--memory-budget", FlagTypes.Sizes, [], "what fine-tunings side by side, or in-run's one, may take, such as 2GiB [half of the device's memory]");

    /// <summary>The adapter and the training of every fine-tuning.</summary>
    public static IReadOnlyList<IFlag> Training =>
    [
        TrainingFlags.Rank, TrainingFlags.Alpha, TrainingFlags.TargetModules, TrainingFlags.LoraDropout, TrainingFlags.UseRsLora, .. TrainingFlags.Optimiser,
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<IFlag> All => [Proxies, Validation, Test, Estimator, Budget, BudgetSeconds, Groups, Tolerance, Order, Normalise, Utility, AtOnce, MemoryBudget];

    /// <summary>Refuses flags that do not go together.</summary>
    public static void Check(VerbRun run)
    {
        if (run.Flags.Has(Budget) && run.Flags.Has(BudgetSeconds)) throw Wrong(run, BudgetSeconds, "either --budget or --budget-seconds", "both");
        if (run.Get(MemoryBudget).Count > 1) throw Wrong(run, MemoryBudget, "one size", $"{run.Get(MemoryBudget).Count}");
        string estimator = run.Get(Estimator);
        if (run.Flags.Has(Tolerance) && estimator != "truncated") throw Wrong(run, Tolerance, "--estimator truncated with it", estimator);
        if (estimator != InRun)
        {
            foreach (IFlag flag in new IFlag[] { Order, Normalise })
            {
                if (run.Flags.Has(flag)) throw Wrong(run, flag, $"--estimator {InRun} with it", estimator);
            }

            return;
        }

        foreach (IFlag flag in new IFlag[] { BudgetSeconds, Groups, AtOnce })
        {
            if (run.Flags.Has(flag)) throw Wrong(run, flag, $"another estimator than {InRun}, which trains once", "it");
        }

        if (run.Get(Utility) != "log-probability") throw Wrong(run, Utility, $"log-probability, the one that {InRun} has a gradient of", run.Get(Utility));
        if (run.Flags.Has(Budget) && (run.Flags.Has(TrainingFlags.Epochs) || run.Flags.Has(TrainingFlags.Steps)))
            throw Wrong(run, Budget, $"one of --budget, --epochs and --steps, which are all the length of {InRun}'s training", "two of them");
    }

    private static InvalidInputException Wrong(VerbRun run, IFlag flag, string expected, string got) => new(run.Flags.Source(flag), expected, got);
}
