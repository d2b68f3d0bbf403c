using CsCheck;
using NativeFl.Valuation;

namespace NativeFl.Tests.Valuation;

/// <summary>What every estimator promises, checked against the definitions.</summary>
public class EstimatorLawTests
{
    private const int Players = 5, Budget = 21; // not all 31 coalitions: something is sampled

    private static readonly string[] OfShapley = ["permutation", "antithetic", "stratified", "truncated", "kernel-shap", "exact"];
    private static readonly string[] AlongOrders = ["permutation", "antithetic", "stratified"];

    internal static IValueEstimator Make(string name, int players, int budget, ulong seed) => name switch
    {
        "permutation" => PermutationShapley.WithBudget(players, budget, seed),
        "antithetic" => AntitheticShapley.WithBudget(players, budget, seed),
        "stratified" => StratifiedShapley.WithBudget(players, budget, seed),
        "truncated" => new TruncatedShapley(players, budget, 0, seed),
        "kernel-shap" => new KernelShap(players, budget, seed),
        "banzhaf" => new BanzhafSampling(players, budget, seed),
        "leave-one-out" => new LeaveOneOut(players),
        _ => new ExactShapley(players),
    };

    [TestCaseSource(nameof(OfShapley))]
    public void An_additive_game_comes_out_exactly(string name) =>
        Gen.Double[-3, 3].Array[Players].Select(Gen.ULong).Sample((worths, seed) =>
            Assert.That(Games.Values(Make(name, Players, Budget, seed), Games.Additive(0.5, worths)), Is.EqualTo(worths).Within(1e-12)), iter: 50);

    [TestCaseSource(nameof(AlongOrders))]
    public void Values_add_up_to_what_all_have_over_none(string name) =>
        Gen.Select(Gen.Int[0, 1000], Gen.ULong).Sample((game, seed) =>
        {
            Func<Coalition, double> v = Games.Arbitrary(Players, game);
            double gain = v(Coalition.All(Players)) - v(Coalition.None(Players));
            Assert.That(Games.Values(Make(name, Players, Budget, seed), v).Sum(), Is.EqualTo(gain).Within(1e-12));
        }, iter: 50);

    [Test]
    public void Exact_values_are_the_mean_over_all_orders() =>
        Gen.Int[0, 1000].Sample(game => Assert.That(
            Games.Values(new ExactShapley(Players), Games.Arbitrary(Players, game)), Is.EqualTo(Games.Shapley(Players, Games.Arbitrary(Players, game))).Within(1e-12)), iter: 20);

    [Test]
    public void A_regression_on_all_coalitions_is_exact() =>
        Gen.Int[0, 1000].Sample(game => Assert.That(
            Games.Values(new KernelShap(Players, 31, 1), Games.Arbitrary(Players, game)), Is.EqualTo(Games.Shapley(Players, Games.Arbitrary(Players, game))).Within(1e-10)), iter: 20);

    // Over many seeds the mean of an unbiased estimator is within four standard errors of the truth.
    [TestCase("permutation")]
    [TestCase("antithetic")]
    [TestCase("stratified")]
    [TestCase("banzhaf")]
    public void Its_mean_over_seeds_is_the_value(string name)
    {
        Func<Coalition, double> game = Games.Arbitrary(Players, 7);
        double[] truth = name == "banzhaf" ? Games.Banzhaf(Players, game) : Games.Shapley(Players, game);
        double[][] runs = [.. Enumerable.Range(0, 2000).Select(seed => Games.Values(Make(name, Players, Budget, (ulong)seed), game))];
        for (int i = 0; i < Players; i++)
        {
            // A coalition that happens to have all or none of the samples leaves Banzhaf's difference undefined.
            double[] values = [.. runs.Select(run => run[i]).Where(double.IsFinite)];
            double mean = values.Average(), error = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1) / values.Length);
            Assert.That(mean, Is.EqualTo(truth[i]).Within(4 * error), $"player {i}");
            Assert.That(error, Is.GreaterThan(1e-4), "it is an estimate");
        }
    }

    [Test]
    public void A_regression_comes_closer_with_the_budget()
    {
        const int players = 8;
        Func<Coalition, double> game = Games.Arbitrary(players, 3);
        double[] truth = Games.Shapley(players, game);
        double[] errors = [.. new[] { 25, 100, 252 }.Select(budget => Enumerable.Range(0, 40).Average(seed =>
            Games.Values(new KernelShap(players, budget, (ulong)seed), game).Zip(truth, (a, b) => (a - b) * (a - b)).Sum()))];
        Assert.That(errors, Is.Ordered.Descending);
        Assert.That(errors[2], Is.LessThan(errors[0] / 4));
    }

    // 95 % intervals hold the truth in 92 to 98 of 100 cases where there are samples enough for a normal law.
    [TestCase("permutation", 2000)]
    [TestCase("antithetic", 4000)]
    [TestCase("stratified", 8000)]
    [TestCase("kernel-shap", 800)]
    [TestCase("banzhaf", 800)]
    public void Error_bars_are_honest(string name, int budget)
    {
        const int players = 11; // 2,047 coalitions
        Func<Coalition, double> game = Wide(players);
        double[] truth = name == "banzhaf" ? Games.Banzhaf(players, game) : Games.Values(new ExactShapley(players), game);
        int hits = 0, cases = 0;
        var values = new CoalitionValues(players); // shared: the game is the same for all seeds
        for (ulong seed = 0; seed < 60; seed++)
        {
            IValueEstimator estimator = Make(name, players, budget, seed);
            IReadOnlyList<PlayerValue> estimate = estimator.Estimate(Games.Play(estimator, game, into: values));
            for (int i = 0; i < players; i++)
            {
                Assert.That(estimate[i].StandardError, Is.GreaterThan(0));
                cases++;
                if (Math.Abs(estimate[i].Value - truth[i]) <= 1.96 * estimate[i].StandardError!.Value) hits++;
            }
        }

        Assert.That(hits / (double)cases, Is.InRange(0.92, 0.98));
    }

    [Test]
    public void Symmetric_players_are_worth_the_same_and_one_who_changes_nothing_is_worth_nothing()
    {
        // 0 and 1 count the same, 4 counts nothing.
        double Game(Coalition s) => Math.Pow((s[0] ? 1 : 0) + (s[1] ? 1 : 0) + (s[2] ? 2.5 : 0), 2) - (s[3] ? 1 : 0);
        foreach (string name in OfShapley.Append("banzhaf").Append("leave-one-out"))
        {
            double[] values = Games.Values(Make(name, 5, name == "banzhaf" ? 4000 : 400, 5), Game);
            bool isExact = name is "exact" or "kernel-shap" or "leave-one-out";
            Assert.That(values[0], Is.EqualTo(values[1]).Within(isExact ? 1e-12 : 0.6), name);
            Assert.That(values[4], Is.Zero.Within(name == "banzhaf" ? 0.6 : 1e-12), name);
        }
    }

    [Test]
    public void Values_of_a_sum_of_games_are_the_sums_of_values() =>
        Gen.Select(Gen.Int[0, 1000], Gen.Int[0, 1000], Gen.ULong).Sample((first, second, seed) =>
        {
            Func<Coalition, double> a = Games.Arbitrary(Players, first), b = Games.Arbitrary(Players, second);
            foreach (string name in OfShapley.Except(["truncated"]).Append("banzhaf").Append("leave-one-out"))
            {
                IValueEstimator estimator = Make(name, Players, Budget, seed);
                double[] sum = Games.Values(estimator, s => (2 * a(s)) + b(s));
                double[] parts = [.. Games.Values(estimator, a).Zip(Games.Values(estimator, b), (x, y) => (2 * x) + y)];
                Assert.That(sum, Is.EqualTo(parts).Within(1e-10), name);
            }
        }, iter: 20);

    /// <summary>A game that is neither additive nor tame.</summary>
    private static Func<Coalition, double> Wide(int players) => s =>
        s.Members.Sum(i => (i % 4) - 0.7) + (s.Members.Sum(i => i % 3) % 4 * 0.5) + Math.Sqrt(s.Count) - (s[0] && s[players - 1] ? 1.5 : 0);
}
