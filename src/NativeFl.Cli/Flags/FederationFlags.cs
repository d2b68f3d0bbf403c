using NativeFl.Federation;
using NativeFl.Tensors;

namespace NativeFl.Cli.Flags;

/// <summary>The flags of a federation: who, with how much, for how long, and how it is put together.</summary>
internal static class FederationFlags
{
    public static Flag<int> Clients { get; } = new("--clients", FlagTypes.Int(1, 100_000), 10, "how many clients [10, or as many as --ranks lists]");

    public static Flag<IReadOnlyList<int>> Ranks { get; } = new(
        "--ranks", FlagTypes.Ints(0, TrainingFlags.LargestRank), [], "one rank for all or one a client; 0 = trains nothing [--rank]");

    public static Flag<IReadOnlyList<double>> Alphas { get; } = new(
        "--alphas", FlagTypes.Numbers("above 0", v => v > 0), [], "one alpha for all or one a client; instead of --scaling");

    public static Flag<double> Scaling { get; } = new("--scaling", FlagTypes.Number("a number above 0", v => v > 0), 2, "alpha / rank of every client [2]");

    public static Flag<string?> Partition { get; } = new(
        "--partition", FlagTypes.Text, "iid", "iid, dirichlet:ALPHA:FIELD, sizes:N,N,… or files (one file a client) [iid]");

    public static Flag<int> MinimumExamples { get; } = new("--min-examples", FlagTypes.Int(1), 1, "fewest records of a client under dirichlet [1]");

    public static Flag<int> Rounds { get; } = new("--rounds", FlagTypes.Int(1, 100_000), 3, "rounds [3]");

    public static Flag<double> LocalEpochs { get; } = new(
        "--local-epochs", FlagTypes.Number("a number above 0", v => v > 0), 1, "passes of a client over its data in a round [1]");

    public static Flag<double> ClientFraction { get; } = new(
        "--client-fraction", FlagTypes.Number("a number above 0 and at most 1", v => v is > 0 and <= 1), 1, "share of the clients drawn for each round [1]");

    public static Flag<string> Renormalize { get; } = new(
        "--renormalize", FlagTypes.Choice("none", "module"), "none", "over whom weights sum to 1: all clients, or those that trained the module [none]");

    public static Flag<string> Method => new("--method", FlagTypes.Choice([.. FederationMethods.All.Select(m => m.Name)]), "flora", "how the server aggregates [flora]");

    public static Flag<string> AggregationMethod => new("--method", AnyMethod, "flora", "how the server aggregates [flora]");

    public static Flag<double> Energy { get; } = new(
        "--energy", FlagTypes.Number("a share above 0 and at most 1", v => v is > 0 and <= 1), new Florist().Energy,
        "florist: the share of the squared singular values that is kept [0.95]");

    public static Flag<string?> Refine { get; } = new(
        "--refine", FlagTypes.Text, null, "qocs:COUNT or qwcs:COUNT: before the first round every client chooses so many (below 1: that share) of its own records by value");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<IFlag> All =>
        [Method, Energy, Clients, Ranks, Alphas, Scaling, Partition, MinimumExamples, Rounds, LocalEpochs, ClientFraction, Renormalize, Refine];

    // The library says which methods can aggregate adapters from elsewhere.
    private static FlagType<string> AnyMethod => new(
        "METHOD", FlagShape.Text, t => FederationMethods.FindAggregation(t.Single).Name, v => v);

    /// <summary>The method found, with the flag that is its own.</summary>
    public static TMethod WithEnergy<TMethod>(VerbRun run, TMethod method)
        where TMethod : IFederationMethod
    {
        if (method is Florist) return (TMethod)(IFederationMethod)new Florist { Energy = run.Get(Energy) };
        return run.Flags.Has(Energy)
            ? throw new InvalidInputException(run.Flags.Source(Energy), "--method florist with it", method.Name)
            : method;
    }

    /// <summary>--renormalize as the library has it.</summary>
    public static Renormalization RenormalizationOf(VerbRun run) =>
        run.Get(Renormalize) == "module" ? Renormalization.Module : Renormalization.None;
}
