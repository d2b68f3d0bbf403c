using NativeFl.Tensors;

namespace NativeFl.Cli.Flags;

/// <summary>The flags that say which records are chosen.</summary>
internal static class RefineSelectFlags
{
    public static Flag<string> Values { get; } = new("--values", FlagTypes.Folder, "", "what refine value wrote");

    public static Flag<string> Clusters { get; } = new("--clusters", FlagTypes.Folder, "", "what refine cluster wrote, for the methods that need no values");

    public static Flag<string> Method { get; } = new(
        "--method", FlagTypes.Choice("qocs", "qwcs", "random", "balanced", "longest", "lowest-perplexity", "highest-perplexity"), "",
        "qocs (whole clusters by value), qwcs (clusters drawn by value), random, balanced (every cluster alike), longest (answers), "
        + "lowest-perplexity and highest-perplexity (by --model)")
    { IsRequired = true };

    public static Flag<int> Count { get; } = new("--count", FlagTypes.Int(1), 0, "how many records") { IsRequired = true };

    public static Flag<double> WeightFactor { get; } = new(
        "--weight-factor", FlagTypes.Number("a finite number", _ => true), 1, "qwcs: f of exp(f z), z the standardised value; 0 = uniform over clusters [1]");

    /// <summary>Refuses what would do nothing.</summary>
    public static void Check(VerbRun run)
    {
        if (run.Flags.Has(WeightFactor) && run.Get(Method) is not "qwcs" and string method)
            throw new InvalidInputException(run.Flags.Source(WeightFactor), "--method qwcs with it", method);
    }
}
