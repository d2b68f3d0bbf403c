using NativeFl.Federation;
using NativeFl.Tensors;

namespace NativeFl.Cli.Flags;

/// <summary>The flags that tell what the clients of a federation are worth.</summary>
internal static class ClientValueFlags
{
    public static Flag<string> Games { get; } = new(
        "--value-clients", FlagTypes.Choice([.. ClientGames.Names]), "",
        "what every client is worth in a round: weights as in the round, weights over those who are there, or both [not told]");

    public static Flag<IReadOnlyList<string>> Data { get; } = new(
        "--value-data", FlagTypes.Files, [], "records that values are measured on; none of --data or --eval-data");

    public static Flag<bool> Overlap { get; } = new(
        "--value-overlap", FlagTypes.Switch, false, "allow --value-data to share records with --data and --eval-data");

    public static Flag<double> Budget { get; } = new(
        "--value-budget", FlagTypes.Number("a number above 0", v => v > 0), ClientValueOptions.DefaultBudget,
        "what values may take, as a share of a round's training operations [0.1]");

    public static Flag<string> Estimator { get; } = new(
        "--value-estimator", FlagTypes.Choice(ClientValuePlan.Exact, ClientValuePlan.Antithetic, ClientValuePlan.FirstOrder), "",
        "all coalitions, pairs of orders, or the first order of one backward pass [the first that the budget allows]");

    public static Flag<bool> Weights { get; } = new(
        "--value-weights", FlagTypes.Switch, false, "clients weigh what they are worth, 0 where that is negative, rather than their examples");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<IFlag> All => [Games, Data, Overlap, Budget, Estimator, Weights];

    /// <summary>Refuses what would do nothing, and values with nothing to measure them on.</summary>
    public static void Check(VerbRun run)
    {
        bool isAsked = run.Get(Games).Length > 0;
        if (!isAsked && All.FirstOrDefault(run.Flags.Has) is { } flag)
            throw new InvalidInputException(run.Flags.Source(flag), "--value-clients with it", "none");
        if (isAsked && run.Get(Data).Count == 0)
            throw new InvalidInputException(run.Flags.Source(Games), "--value-data to measure values on", "none");
    }
}
