using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>An estimator by its name, before a budget makes one of it.</summary>
/// <param name="Name">On the command line.</param>
/// <param name="Least">The fewest fine-tunings that it can do with, by players.</param>
/// <param name="Most">The most that it has use for, by players; null: any number.</param>
/// <param name="Make">The estimator for so many players, a budget, a tolerance and a seed.</param>
public sealed record EstimatorKind(
    string Name, Func<int, int> Least, Func<int, int?> Most, Func<int, int, double, ulong, IValueEstimator> Make)
{
    /// <summary>What to know before its values are believed; null: nothing.</summary>
    public string? Caution { get; init; }

    /// <summary>All that work on a table of v(S).</summary>
    public static IReadOnlyList<EstimatorKind> All { get; } =
    [
        new("permutation", n => Orders(n, 1), AnyNumber, (n, budget, _, seed) => PermutationShapley.WithBudget(n, budget, seed)),
        new("permutation-as-released", n => Orders(n, 1), AnyNumber, (n, budget, _, seed) => PermutationAsReleased.WithBudget(n, budget, seed))
        {
            Caution = "v of nobody is taken for 0, not measured, so that whoever is left over last is credited with the whole of v: as SHED's published code has it, and no Shapley value",
        },
        new("antithetic", n => Orders(n, 2), AnyNumber, (n, budget, _, seed) => AntitheticShapley.WithBudget(n, budget, seed)),
        new("truncated", n => Orders(n, 1), AnyNumber, (n, budget, tolerance, seed) => new TruncatedShapley(n, budget, tolerance, seed)),
        new("stratified", n => Orders(n, Math.Min(StratifiedShapley.DefaultStrata, n)), AnyNumber, (n, budget, _, seed) => StratifiedShapley.WithBudget(n, budget, seed)),
        new("kernel-shap", n => n <= 3 ? (1 << n) - 1 : (2 * n) + 1, Subsets, (n, budget, _, seed) => new KernelShap(n, budget, seed)),
        new("banzhaf", _ => BanzhafSampling.Least, AnyNumber, (n, budget, _, seed) => new BanzhafSampling(n, budget, seed)),
        new("exact", n => Whole(new ExactShapley(n)), n => Whole(new ExactShapley(n)), (n, budget, _, _) => Fixed(new ExactShapley(n), budget)),
        new("leave-one-out", n => Whole(new LeaveOneOut(n)), n => Whole(new LeaveOneOut(n)), (n, budget, _, _) => Fixed(new LeaveOneOut(n), budget)),
    ];

    /// <summary>The one of a name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static EstimatorKind Of(string name) => All.FirstOrDefault(kind => kind.Name == name)
        ?? throw new InvalidInputException("--estimator", $"one of {string.Join(", ", All.Select(kind => kind.Name))}", name);

    private static int Orders(int players, int orders) => checked((orders * (players - 1)) + 1);

    private static int? AnyNumber(int players) => null;

    private static int? Subsets(int players) => players <= ExactShapley.MostPlayers ? (1 << players) - 1 : null;

    private static int Whole(IValueEstimator estimator) => estimator.FineTunings;

    private static IValueEstimator Fixed(IValueEstimator estimator, int budget) => budget >= estimator.FineTunings
        ? estimator
        : throw new InvalidInputException(
            "--budget", $"at least {estimator.FineTunings} fine-tunings, for {estimator.Name} with {estimator.Players} players", $"{budget}");
}
