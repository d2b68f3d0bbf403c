using NativeFl.Tensors;
using NativeFl.Valuation;

namespace NativeFl.Tests.Valuation;

/// <summary>A budget of seconds by a clock that the game itself turns: a second a fine-tuning.</summary>
public sealed class TimedValuationTests
{
    private sealed class Game(int players, int atOnce) : ICoalitionGame
    {
        private readonly Func<Coalition, double> _game = Games.Saturating([.. Enumerable.Range(1, players).Select(i => (double)i)]);

        public int Players => players;

        public int AtOnce => atOnce;

        public double Now { get; private set; }

        public IReadOnlyList<double> Measure(IReadOnlyList<Coalition> coalitions, CancellationToken cancellation)
        {
            Now += coalitions.Count(c => c.Count > 0);
            return [.. coalitions.Select(_game)];
        }
    }

    private static readonly string[] Names = [.. EstimatorKind.All.Select(kind => kind.Name)];

    [TestCaseSource(nameof(Names))]
    public void Seconds_are_kept_and_the_values_are_those_of_the_budget_reached(string name)
    {
        const int players = 6;
        EstimatorKind kind = EstimatorKind.Of(name);
        foreach (int seconds in new[] { kind.Least(players) + 4, 70, 200 })
        {
            var game = new Game(players, 4);
            var values = new CoalitionValues(players);
            var timed = new TimedValuation(kind, players, 0.01, 5, c => c.Count == 0 ? 0 : 1);
            IValueEstimator estimator = timed.Measure(new Valuer(game, values), values, seconds, () => game.Now, default);
            Assert.That(game.Now, Is.LessThanOrEqualTo(seconds));
            IValueEstimator same = kind.Make(players, estimator.FineTunings, 0.01, 5);
            var alone = Games.Play(same, Games.Saturating(1, 2, 3, 4, 5, 6));
            Assert.That(estimator.Estimate(values), Is.EqualTo(same.Estimate(alone)), $"{seconds} s");
            int most = Math.Min(name == "leave-one-out" ? players + 1 : (1 << players) - 1, seconds);
            if (name != "truncated") Assert.That(game.Now, Is.GreaterThan(most - kind.Least(players) - 4), "time is not left lying about");
        }
    }

    [TestCaseSource(nameof(Names))]
    public void What_a_table_has_already_takes_no_time(string name)
    {
        const int players = 9;
        EstimatorKind kind = EstimatorKind.Of(name);
        var game = new Game(players, 4);
        var values = new CoalitionValues(players);
        IValueEstimator before = kind.Make(players, Math.Max(kind.Least(players), 300), 0.01, 5);
        new Valuer(game, values).Measure(before, stop: null);
        int known = values.Count;
        IValueEstimator after = new TimedValuation(kind, players, 0.01, 5, c => c.Count).Measure(new Valuer(game, values), values, 0, () => 1, default);
        Assert.That(values.Count, Is.EqualTo(known), "there was no time");
        Assert.That(after.FineTunings, Is.GreaterThanOrEqualTo(before.FineTunings));
        Assert.That(() => after.Estimate(values), Throws.Nothing);
    }

    [TestCaseSource(nameof(Names))]
    public void A_table_of_all_coalitions_ends_at_once(string name)
    {
        var game = new Game(3, 4);
        CoalitionValues values = Games.Play(new ExactShapley(3), Games.Saturating(1, 2, 3));
        IValueEstimator estimator = new TimedValuation(EstimatorKind.Of(name), 3, 0.01, 5, c => c.Count).Measure(new Valuer(game, values), values, 100, () => 1 + game.Now, default);
        Assert.That((game.Now, values.Count), Is.EqualTo((0.0, 8)));
        Assert.That(() => estimator.Estimate(values), Throws.Nothing);
    }

    [TestCaseSource(nameof(Names))]
    public void Too_little_time_is_refused_with_what_it_would_take(string name)
    {
        var game = new Game(9, 2);
        var values = new CoalitionValues(9);
        var timed = new TimedValuation(EstimatorKind.Of(name), 9, 0.01, 5, c => c.Count);
        int seconds = name == "banzhaf" ? 2 : 5;
        Assert.That(
            () => timed.Measure(new Valuer(game, values), values, seconds, () => 1 + game.Now, default),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains("--budget-seconds"));
        Assert.That(values.Count, Is.GreaterThan(0), "what was measured stays");
    }

    [TestCaseSource(nameof(Names))]
    public void The_least_budget_is_the_least(string name)
    {
        EstimatorKind kind = EstimatorKind.Of(name);
        for (int players = 1; players <= 9; players++)
        {
            int n = players, least = kind.Least(n);
            Assert.That(kind.Make(n, least, 0.1, 1).FineTunings, Is.EqualTo(least), $"{n} players");
            if (least > 1) Assert.That(() => kind.Make(n, least - 1, 0.1, 1), Throws.TypeOf<InvalidInputException>().With.Message.Contains("--budget"), $"{n} players");
            Assert.That(kind.Make(n, least, 0.1, 1).Name, Is.EqualTo(name));
            if (kind.Most(n) is { } most) Assert.That(kind.Make(n, most, 0.1, 1).FineTunings, Is.EqualTo(most));
        }
    }

    [Test]
    public void An_estimator_that_there_is_not_is_refused() =>
        Assert.That(() => EstimatorKind.Of("guess"), Throws.TypeOf<InvalidInputException>().With.Message.Contains("kernel-shap"));
}
