using NativeFl.Tensors;
using NativeFl.Valuation;

namespace NativeFl.Tests.Valuation;

/// <summary>What estimators ask for: budgets, reuse, what cannot be measured.</summary>
public class EstimatorPlanTests
{
    private const int Players = 6;

    private static readonly string[] Budgeted = ["permutation", "permutation-as-released", "antithetic", "stratified", "truncated", "kernel-shap", "banzhaf"];

    private static IValueEstimator Make(string name, int budget, ulong seed = 3) => EstimatorLawTests.Make(name, Players, budget, seed);

    [TestCaseSource(nameof(Budgeted))]
    public void It_keeps_its_budget(string name)
    {
        foreach (int budget in (int[])[25, 40, 62])
        {
            IValueEstimator estimator = Make(name, budget);
            CoalitionValues values = Games.Play(estimator, Games.Arbitrary(Players, 1));
            int fineTunings = values.Count - (values.Has(Coalition.None(Players)) ? 1 : 0);
            Assert.That(estimator.FineTunings, Is.LessThanOrEqualTo(budget));
            Assert.That(fineTunings, Is.LessThanOrEqualTo(estimator.FineTunings));
        }
    }

    [Test]
    public void No_estimator_has_more_measured_than_its_budget_the_value_of_all_included()
    {
        foreach (EstimatorKind kind in EstimatorKind.All)
        {
            for (int players = 1; players <= Players; players++)
            {
                int least = kind.Least(players);
                foreach (int budget in new[] { least, least + 1, least + 2, least + 7, least + 30 })
                {
                    IValueEstimator estimator = kind.Make(players, budget, 0.1, 3);
                    var values = new CoalitionValues(players);
                    var valuer = new Valuer(new Measured(players, Games.Arbitrary(players, 1)), values);
                    valuer.Measure(estimator, stop: null);
                    Assert.That(valuer.FineTunings, Is.LessThanOrEqualTo(budget), $"{kind.Name}, {players} players");
                    Assert.That(Valuer.FineTuningsOf(estimator, values), Is.EqualTo(valuer.FineTunings), $"{kind.Name}, {players} players");
                }
            }
        }
    }

    [TestCaseSource(nameof(Budgeted))]
    public void A_table_that_others_filled_does_not_count_as_its_own(string name)
    {
        Func<Coalition, double> game = Games.Arbitrary(Players, 1);
        IValueEstimator estimator = name == "truncated" ? new TruncatedShapley(Players, 25, 1.5, 3) : Make(name, 25);
        var alone = new Valuer(new Measured(Players, game), new CoalitionValues(Players));
        alone.Measure(estimator, stop: null);
        CoalitionValues shared = Games.Play(new ExactShapley(Players), game);
        Assert.That(Valuer.FineTuningsOf(estimator, shared), Is.EqualTo(alone.FineTunings));
    }

    private sealed class Measured(int players, Func<Coalition, double> game) : ICoalitionGame
    {
        public int Players => players;

        public int AtOnce => 4;

        public IReadOnlyList<double> Measure(IReadOnlyList<Coalition> coalitions, CancellationToken cancellation) => [.. coalitions.Select(game)];
    }

    [TestCaseSource(nameof(Budgeted))]
    public void A_larger_budget_asks_again_for_all_that_a_smaller_one_did(string name)
    {
        CoalitionValues small = Games.Play(Make(name, 25), Games.Arbitrary(Players, 1)), large = Games.Play(Make(name, 60), Games.Arbitrary(Players, 1));
        foreach (Coalition coalition in Enumerable.Range(0, 64).Select(set => Games.Of(Players, set)).Where(small.Has))
            Assert.That(large.Has(coalition), coalition.ToString());
        Assert.That(large.Count, Is.GreaterThan(small.Count));
    }

    [TestCaseSource(nameof(Budgeted))]
    public void How_many_are_measured_side_by_side_does_not_show(string name)
    {
        IValueEstimator estimator = name == "truncated" ? new TruncatedShapley(Players, 40, 1.5, 3) : Make(name, 40);
        Func<Coalition, double> game = Games.Arbitrary(Players, 2);
        IReadOnlyList<PlayerValue> one = estimator.Estimate(Games.Play(estimator, game, atOnce: 1)), all = estimator.Estimate(Games.Play(estimator, game));
        Assert.That(one, Is.EqualTo(all));
    }

    [TestCaseSource(nameof(Budgeted))]
    public void A_value_left_out_costs_only_its_own_marginals(string name)
    {
        IValueEstimator estimator = Make(name, 62);
        double[] worths = [1, -2, 0.5, 3, 0.25, 1.5];
        Func<Coalition, double> game = Games.Additive(0, worths);
        CoalitionValues whole = Games.Play(estimator, game);
        Coalition bad = Enumerable.Range(1, 62).Select(set => Games.Of(Players, set)).First(whole.Has);
        var values = new CoalitionValues(Players);
        while (estimator.Next(values) is { Count: > 0 } wanted)
        {
            foreach (Coalition coalition in wanted) values.Add(coalition, coalition.Equals(bad) ? null : game(coalition));
        }

        Assert.That(values.LeftOut, Is.EqualTo(1));
        IReadOnlyList<PlayerValue> before = estimator.Estimate(whole), after = estimator.Estimate(values);
        Assert.That(after.Sum(v => v.Marginals), Is.LessThan(before.Sum(v => v.Marginals)));
        if (name != "banzhaf") Assert.That(after.Select(v => v.Value), Is.EqualTo(worths).Within(1e-9));
    }

    [TestCase("permutation", 5, "6 fine-tunings, for one permutation of 6")]
    [TestCase("permutation-as-released", 5, "6 fine-tunings, for one permutation of 6")]
    [TestCase("antithetic", 10, "11 fine-tunings, for one permutation and its reverse of 6")]
    [TestCase("stratified", 20, "21 fine-tunings, for one permutation turned 4 times of 6")]
    [TestCase("truncated", 5, "6 fine-tunings")]
    [TestCase("kernel-shap", 12, "13 fine-tunings, for a regression on 6 players")]
    [TestCase("banzhaf", 2, "3 fine-tunings")]
    [TestCase("permutation", 0, "6 fine-tunings")]
    public void A_budget_for_less_than_one_turn_is_refused(string name, int budget, string expected)
    {
        Assert.That(() => Make(name, budget), Throws.TypeOf<InvalidInputException>().With.Message.Contains("--budget").And.Message.Contains(expected));
        Assert.That(() => Make(name, budget < 2 ? 6 : budget + 1), Throws.Nothing);
    }

    [Test]
    public void Truncation_saves_fine_tunings_and_is_off_by_less_than_its_tolerance()
    {
        double[] worths = [9, 4, 1, 0.5, 0.25, 0.1];
        const double tolerance = 0.3;
        Func<Coalition, double> game = Games.Saturating(worths);
        double[] truth = Games.Shapley(Players, game);
        var means = new RunningMean[Players];
        int asked = 0, planned = 0, orders = 0, untruncated = 0;
        for (ulong seed = 0; seed < 400; seed++)
        {
            IReadOnlyList<PlayerValue> estimate = Estimate(31, tolerance, seed, out _);
            for (int i = 0; i < Players; i++) means[i].Add(estimate[i].Value);

            // One budget pays for more orders, and one order costs fewer fine-tunings.
            orders += estimate[0].Marginals;
            untruncated += Estimate(31, 0, seed, out _)[0].Marginals;
            Assert.That(Estimate(Players, tolerance, seed, out int cut)[0].Marginals, Is.EqualTo(1));
            Estimate(Players, 0, seed, out int whole);
            Assert.That(cut, Is.LessThanOrEqualTo(whole));
            asked += cut;
            planned += whole;
        }

        for (int i = 0; i < Players; i++)
            Assert.That(Math.Abs(means[i].Mean - truth[i]), Is.LessThan(tolerance + (4 * means[i].StandardError!.Value)));
        Assert.That(means.Select((m, i) => m.Mean - truth[i]), Has.Some.LessThan(-0.02), "somebody was cut");
        Assert.That(planned, Is.EqualTo(400 * Players), "an order and all");
        Assert.That(asked, Is.LessThan(0.95 * planned));
        Assert.That(orders, Is.GreaterThan(1.1 * untruncated));

        IReadOnlyList<PlayerValue> Estimate(int budget, double within, ulong seed, out int fineTunings)
        {
            var estimator = new TruncatedShapley(Players, budget, within, seed);
            CoalitionValues values = Games.Play(estimator, game);
            fineTunings = values.Count - 1;
            return estimator.Estimate(values);
        }
    }

    [Test]
    public void A_tolerance_above_every_difference_measures_only_the_ends()
    {
        var estimator = new TruncatedShapley(Players, 40, 1e9, 1);
        CoalitionValues values = Games.Play(estimator, Games.Arbitrary(Players, 1));
        Assert.That(values.Count, Is.EqualTo(2));
        Assert.That(estimator.Estimate(values).Select(v => v.Value), Is.All.Zero);
    }

    [Test]
    public void Every_turned_order_of_a_block_puts_every_player_into_every_stratum()
    {
        var estimator = new StratifiedShapley(Players, Players, 1, 9);
        CoalitionValues values = Games.Play(estimator, s => s.Count * s.Count); // the marginal tells the place: 2 k + 1
        Assert.That(estimator.Estimate(values).Select(v => v.Value), Is.All.EqualTo(6).Within(1e-12), "the mean over all places");
        Assert.That(values.Count, Is.LessThanOrEqualTo(estimator.FineTunings + 1));
    }

    [Test]
    public void A_single_player_is_worth_what_all_have_over_none()
    {
        foreach (string name in Budgeted.Except(["banzhaf", "permutation-as-released"]).Append("exact").Append("leave-one-out"))
            Assert.That(Games.Values(EstimatorLawTests.Make(name, 1, 5, 0), Games.Additive(2, 0.75)), Is.EqualTo([0.75]).Within(1e-15), name);
    }

    [Test]
    public void Exact_values_are_for_few_players() =>
        Assert.That(() => new ExactShapley(21), Throws.TypeOf<InvalidInputException>().With.Message.Contains("at most 20 players").And.Message.Contains("21"));
}
