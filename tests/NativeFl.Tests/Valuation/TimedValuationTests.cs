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
