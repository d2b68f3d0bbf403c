using System.Globalization;
using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>
/// Values within a budget of seconds: an estimator's budget of fine-tunings grows as long as time is left, and a batch that would not end in
/// time is not begun. The values are those of the largest budget that was measured to its end, so that they are what that budget alone gives.
/// </summary>
/// <param name="kind">The estimator.</param>
/// <param name="players">Players of the game.</param>
/// <param name="tolerance">The estimator's.</param>
/// <param name="seed">The estimator's.</param>
/// <param name="cost">What measuring a coalition takes, in any unit: seconds are told from it.</param>
public sealed class TimedValuation(EstimatorKind kind, int players, double tolerance, ulong seed, Func<Coalition, double> cost)
{
    // Enough to keep fine-tunings side by side.
    private const int LongestStep = 64;

    private readonly int _least = kind.Least(players), _most = kind.Most(players) ?? int.MaxValue;

    /// <summary>Measures until the time is over.</summary>
    /// <param name="valuer">Who measures.</param>
    /// <param name="values">What it measures into.</param>
    /// <param name="seconds">The budget.</param>
    /// <param name="elapsed">Seconds since the start.</param>
    /// <param name="cancellation">Polled between batches; what was measured stays.</param>
    /// <returns>The estimator with the budget that was reached.</returns>
    /// <exception cref="InvalidInputException">The time is too short for the least that the estimator needs.</exception>
    public IValueEstimator Measure(Valuer valuer, CoalitionValues values, double seconds, Func<double> elapsed, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(valuer);
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(elapsed);
        double start = elapsed(), measured = 0, last = 0;
        double Rate() => measured == 0 ? 0 : (elapsed() - start) / measured;
        bool IsOver(IReadOnlyList<Coalition> batch)
        {
            measured += last;
            last = batch.Sum(cost);
            bool isOver = elapsed() + (last * Rate()) > seconds;
            if (!Has(_least, values)) RequireTime(seconds, elapsed() + (Missing(_least, values) * Rate()));
            return isOver;
        }

        // v of nobody and of all first: they tell how long the rest will take.
        measured = new[] { Coalition.None(players), Coalition.All(players) }.Where(end => !values.Has(end)).Sum(cost);
        valuer.Measure(new Ends(players), stop: null, cancellation: cancellation);
        for (int budget = _least; ;)
        {
            bool isDone = valuer.Measure(Make(budget), IsOver, cancellation: cancellation);
            (measured, last) = (measured + last, 0);
            if (!isDone) return Make(Largest(budget, values));
            budget = Furthest(budget, values);
            int more = More(budget, values, Rate() == 0 ? double.PositiveInfinity : (seconds - elapsed()) / Rate());
            if (more == budget) return Make(budget);
            budget = more;
        }
    }

    private IValueEstimator Make(int budget) => kind.Make(players, budget, tolerance, seed);

    private bool Has(int budget, CoalitionValues values) => Make(budget).Next(values).Count == 0;

    private double Missing(int budget, CoalitionValues values) => Make(budget).Next(values).Sum(cost);

    /// <summary>The largest budget from a measured one on that asks for nothing that a table, perhaps of a run before, does not have.</summary>
    private int Furthest(int budget, CoalitionValues values)
    {
        // Orders repeat coalitions: where all are measured, there would be no end to it.
        int most = (int)Math.Min(_most, Math.Max(budget, (long)LongestStep * values.Count)), high = budget;
        while (high < most && Has(high, values)) high = (int)Math.Min(most, 2L * high);
        return Largest(high, values);
    }

    /// <summary>A larger budget whose additional cost there is still room for; the same if there is none.</summary>
    private int More(int budget, CoalitionValues values, double room)
    {
        for (int step = Math.Max(LongestStep, _least); step > 0; step /= 2)
        {
            int next = (int)Math.Min(_most, (long)budget + step);
            if (Missing(next, values) is > 0 and var missing && missing <= room) return next;
        }

        return budget;
    }

    private int Largest(int budget, CoalitionValues values)
    {
        int low = _least, high = budget;
        while (low < high)
        {
            int middle = (int)(((long)low + high + 1) / 2);
            if (Has(middle, values)) low = middle;
            else high = middle - 1;
        }

        return low;
    }

    private static void RequireTime(double seconds, double needed)
    {
        if (needed > seconds)
        {
            throw new InvalidInputException(
                "--budget-seconds", string.Create(CultureInfo.InvariantCulture, $"about {needed:0} seconds or more, for the least that the estimator needs"),
                string.Create(CultureInfo.InvariantCulture, $"{seconds:0.###}"));
        }
    }

    /// <summary>Wants nothing: what is measured whatever is wanted.</summary>
    private sealed class Ends(int players) : IValueEstimator
    {
        public string Name => "";

        public int Players => players;

        public int FineTunings => 1;

        public IReadOnlyList<Coalition> Next(CoalitionValues values) => [];

        public IReadOnlyList<PlayerValue> Estimate(CoalitionValues values) => [];
    }
}
