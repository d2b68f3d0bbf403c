using System.Globalization;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// What the values of a round's clients are made from, planned so that the operations stay within a budget: all coalitions if they fit, else pairs
/// of orders (<see cref="LeastPairs"/> at least), else the first-order values of one backward pass, with v of nobody and of all, and with
/// leave-one-out, as far as there is room. An evaluation is a pass over the validation examples and is counted as if every client took part.
/// </summary>
public sealed record ClientValuePlan
{
    /// <summary>The names of the estimators.</summary>
    public const string Exact = "exact", Antithetic = "antithetic", FirstOrder = "first-order";

    /// <summary>The fewest pairs of orders: fewer say next to nothing of their own error.</summary>
    public const int LeastPairs = 4;

    private const int MostExactPlayers = 16;

    /// <summary>How.</summary>
    public required string Estimator { get; init; }

    /// <summary>Pairs of orders where they are sampled.</summary>
    public int Pairs { get; init; }

    /// <summary>Whether v of nobody and of all are measured.</summary>
    public bool HasEnds { get; init; } = true;

    /// <summary>Whether v of all but one is measured for every client.</summary>
    public bool HasLeaveOneOut { get; init; } = true;

    /// <summary>The most passes over the validation examples, for all games together; the backward pass not counted.</summary>
    public required int Evaluations { get; init; }

    /// <summary>The most floating-point operations.</summary>
    public required double Operations { get; init; }

    /// <summary>What they may be.</summary>
    public required double Budget { get; init; }

    /// <summary>The operations of the round's training; null where nothing was trained.</summary>
    public double? TrainingOperations { get; init; }

    /// <summary>Plans.</summary>
    /// <param name="clients">Players.</param>
    /// <param name="games">Games over them.</param>
    /// <param name="evaluation">Operations of a pass over the validation examples with every client's change.</param>
    /// <param name="slope">Operations of a pass forward and backward.</param>
    /// <param name="budget">Operations.</param>
    /// <param name="wanted">The estimator, or null for the first that fits.</param>
    /// <returns>The plan; null if the budget allows none.</returns>
    public static ClientValuePlan? Within(int clients, int games, double evaluation, double slope, double budget, string? wanted = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(clients);
        double room = Math.Floor(budget / evaluation * (1 + 1e-12));
        foreach (ClientValuePlan plan in Plans(clients, games, evaluation, slope, room, budget))
        {
            if ((wanted is null || plan.Estimator == wanted) && plan.Operations <= budget * (1 + 1e-12)) return plan;
        }

        return null;
    }

    /// <summary>Refuses an estimator that is not for so many clients, whatever the budget.</summary>
    /// <param name="input">The flag or file that asked for it.</param>
    /// <param name="wanted">The estimator, or null for the first that fits.</param>
    /// <param name="clients">Players.</param>
    /// <exception cref="InvalidInputException">All coalitions of too many, or orders of one.</exception>
    public static void Require(string input, string? wanted, int clients)
    {
        if (wanted == Exact && clients > MostExactPlayers)
            throw new InvalidInputException(input, FormattableString.Invariant($"{Antithetic} or {FirstOrder}, for {Exact} values are of at most {MostExactPlayers} clients"), FormattableString.Invariant($"{Exact}, of {clients}"));
        if (wanted == Antithetic && clients < 2)
            throw new InvalidInputException(input, $"{Exact} or {FirstOrder}, for {Antithetic} values are of at least 2 clients", $"{Antithetic}, of 1");
    }

    /// <summary>A refusal of a budget.</summary>
    /// <param name="input">The flag or file that set it.</param>
    /// <param name="wanted">The estimator that was asked for, or null.</param>
    /// <param name="share">What the cheapest plan would take, in the units of the flag.</param>
    /// <param name="got">What was given.</param>
    public static InvalidInputException TooSmall(string input, string? wanted, double share, double got) => new(
        input, string.Create(CultureInfo.InvariantCulture, $"at least {share:0.####}, for {wanted ?? FirstOrder} values (or fewer validation records)"),
        got.ToString("G4", CultureInfo.InvariantCulture));

    /// <summary>The operations of the cheapest plan; the estimator must be one for so many clients (<see cref="Require"/>).</summary>
    public static double Cheapest(int clients, int games, double evaluation, double slope, string? wanted)
    {
        double room = AntitheticEvaluations(clients, games, LeastPairs);
        return Plans(clients, games, evaluation, slope, room, double.PositiveInfinity).Where(p => wanted is null || p.Estimator == wanted).Min(p => p.Operations);
    }

    private static IEnumerable<ClientValuePlan> Plans(int clients, int games, double evaluation, double slope, double room, double budget)
    {
        ClientValuePlan Of(string estimator, double evaluations, double more = 0) => new()
        {
            Estimator = estimator,
            Evaluations = (int)evaluations,
            Operations = (evaluations * evaluation) + more,
            Budget = budget,
        };

        // Nobody and all weigh the same in both games.
        if (clients <= MostExactPlayers) yield return Of(Exact, (games * (Math.Pow(2, clients) - 2)) + 2);
        if (clients > 1)
        {
            double pairs = Math.Min(1 << 16, Math.Floor((room - AntitheticEvaluations(clients, games, 0)) / (2.0 * games * (clients - 1))));
            pairs = Math.Max(pairs, LeastPairs);
            yield return Of(Antithetic, AntitheticEvaluations(clients, games, pairs)) with { Pairs = (int)pairs };
        }

        yield return Of(FirstOrder, 2 + (clients > 1 ? games * clients : 0), slope);
        yield return Of(FirstOrder, 2, slope) with { HasLeaveOneOut = false };
        yield return Of(FirstOrder, 0, slope) with { HasLeaveOneOut = false, HasEnds = false };
    }

    private static double AntitheticEvaluations(int clients, int games, double pairs) => 2 + (games * ((2 * pairs * (clients - 1)) + clients));
}
