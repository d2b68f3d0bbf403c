using CsCheck;
using NativeFl.Valuation;

namespace NativeFl.Tests.Valuation;

/// <summary>What every estimator promises, checked against the definitions.</summary>
public class EstimatorLawTests
{
    private const int Players = 5, Budget = 21; // not all 31 coalitions: something is sampled

    private static readonly string[] OfShapley = ["permutation", "antithetic", "stratified", "truncated", "kernel-shap", "exact"];
    private static readonly string[] AlongOrders = ["permutation", "antithetic", "stratified"];
    private static readonly string[] All = [.. OfShapley, "banzhaf", "leave-one-out"];

    internal static IValueEstimator Make(string name, int players, int budget, ulong seed) => name switch
    {
        "permutation-as-released" => PermutationAsReleased.WithBudget(players, budget, seed),
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

    // Along one order, pair or block as along several.
    [TestCaseSource(nameof(AlongOrders))]
    public void Values_add_up_to_what_all_have_over_none(string name) =>
        Gen.Select(Gen.Int[0, 1000], Gen.ULong, Gen.Bool).Sample((game, seed, isOne) =>
        {
            Func<Coalition, double> v = Games.Arbitrary(Players, game);
            int budget = !isOne ? Budget : name switch { "permutation" => Players, "antithetic" => (2 * Players) - 1, _ => (4 * (Players - 1)) + 1 };
            PlayerValue[] values = [.. Make(name, Players, budget, seed).Estimate(Games.Play(Make(name, Players, budget, seed), v))];
            if (isOne) Assert.That(values.Select(value => value.Marginals), Is.All.EqualTo(name switch { "permutation" => 1, "antithetic" => 2, _ => 4 }));
            Assert.That(values.Sum(value => value.Value), Is.EqualTo(Gain(v)).Within(1e-12));
        }, iter: 50);

    [Test]
    public void A_regression_adds_up_and_truncated_orders_leave_less_than_their_tolerance() =>
        Gen.Select(Gen.Int[0, 1000], Gen.ULong).Sample((game, seed) =>
        {
            Func<Coalition, double> v = Games.Arbitrary(Players, game);
            Assert.That(Games.Values(new KernelShap(Players, Budget, seed), v).Sum(), Is.EqualTo(Gain(v)).Within(1e-10));
            Assert.That(Games.Values(new TruncatedShapley(Players, Budget, 0.4, seed), v).Sum(), Is.EqualTo(Gain(v)).Within(0.4));
        }, iter: 50);

    [Test]
    public void Exact_values_are_the_mean_over_all_orders() =>
        Gen.Int[0, 1000].Sample(game => Assert.That(
            Games.Values(new ExactShapley(Players), Games.Arbitrary(Players, game)), Is.EqualTo(Games.Shapley(Players, Games.Arbitrary(Players, game))).Within(1e-12)), iter: 20);

    [Test]
    public void A_regression_on_all_coalitions_is_exact() =>
        Gen.Int[0, 1000].Sample(game => Assert.That(
            Games.Values(new KernelShap(Players, 31, 1), Games.Arbitrary(Players, game)), Is.EqualTo(Games.Shapley(Players, Games.Arbitrary(Players, game))).Within(1e-10)), iter: 20);

    [TestCase("permutation")]
    [TestCase("antithetic")]
    [TestCase("stratified")]
    [TestCase("banzhaf")]
    public void Its_mean_over_seeds_is_the_value(string name)
    {
        Func<Coalition, double> game = Games.Arbitrary(Players, 7);
        double[] truth = name == "banzhaf" ? Games.Banzhaf(Players, game) : Games.Shapley(Players, game);
        Assert.That(AssertUnbiased(name, Players, Budget, game, truth), Has.All.GreaterThan(1e-4), "it is an estimate");
    }

    [Test]
    public void Banzhafs_value_of_an_additive_game_is_Shapleys_in_expectation()
    {
        double[] worths = [2, -1, 0.5, 0, 3];
        Assert.That(AssertUnbiased("banzhaf", Players, Budget, Games.Additive(0.5, worths), worths), Has.All.GreaterThan(1e-4), "it is an estimate");
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
        for (ulong seed = 0; seed < 300; seed++)
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

    [TestCaseSource(nameof(All))]
    public void One_who_changes_nothing_is_worth_nothing(string name)
    {
        // Banzhaf's value is the difference of two means of different samples: nothing only in expectation; a regression, on all coalitions.
        if (name == "banzhaf") AssertUnbiased(name, Players, 21, Lopsided, Games.Banzhaf(Players, Lopsided), only: [4]);
        else Assert.That(Enumerable.Range(0, 20).Select(seed => Games.Values(Make(name, Players, name == "kernel-shap" ? 31 : 25, (ulong)seed), Lopsided)[4]), Is.All.Zero.Within(1e-12));
    }

    [TestCaseSource(nameof(All))]
    public void Symmetric_players_are_worth_the_same(string name)
    {
        double[] differences =
        [
            .. Enumerable.Range(0, 2000).Select(seed => Games.Values(Make(name, Players, 21, (ulong)seed), Lopsided)).Select(values => values[0] - values[1]).Where(double.IsFinite),
        ];
        double mean = differences.Average(), error = Math.Sqrt(differences.Sum(d => (d - mean) * (d - mean)) / (differences.Length - 1) / differences.Length);
        if (name is "exact" or "leave-one-out") Assert.That(differences, Is.All.Zero.Within(1e-12));
        else Assert.That(error, Is.GreaterThan(1e-4), "it is an estimate");
        Assert.That(mean, Is.Zero.Within((4 * error) + 1e-12));
    }

    [Test]
    public void Values_of_a_sum_of_games_are_the_sums_of_values() =>
        Gen.Select(Gen.Int[0, 1000], Gen.Int[0, 1000], Gen.ULong).Sample((first, second, seed) =>
        {
            Func<Coalition, double> a = Games.Arbitrary(Players, first), b = Games.Arbitrary(Players, second);
            foreach (string name in All.Except(["truncated"]))
            {
                IValueEstimator estimator = Make(name, Players, Budget, seed);
                double[] sum = Games.Values(estimator, s => (2 * a(s)) + b(s));
                double[] parts = [.. Games.Values(estimator, a).Zip(Games.Values(estimator, b), (x, y) => (2 * x) + y)];
                Assert.That(sum, Is.EqualTo(parts).Within(1e-10), name);
            }
        }, iter: 20);

    /// <summary>Over many seeds the mean of an unbiased estimator is within four of its standard errors of the truth; gives these errors.</summary>
    private static double[] AssertUnbiased(string name, int players, int budget, Func<Coalition, double> game, double[] truth, int[]? only = null)
    {
        double[][] runs = [.. Enumerable.Range(0, 2000).Select(seed => Games.Values(Make(name, players, budget, (ulong)seed), game))];
        return
        [
            .. (only ?? [.. Enumerable.Range(0, players)]).Select(i =>
            {
                // A coalition that happens to have all or none of the samples leaves Banzhaf's difference undefined.
                double[] values = [.. runs.Select(run => run[i]).Where(double.IsFinite)];
                double mean = values.Average(), error = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1) / values.Length);
                Assert.That(mean, Is.EqualTo(truth[i]).Within(4 * error), $"player {i}");
                return error;
            }),
        ];
    }

    private static double Gain(Func<Coalition, double> game) => game(Coalition.All(Players)) - game(Coalition.None(Players));

    /// <summary>0 and 1 count the same, 4 counts nothing; three at once do what no pairs do, so that not even an order and its reverse give the value.</summary>
    private static double Lopsided(Coalition s) => Math.Pow((s[0] ? 1 : 0) + (s[1] ? 1 : 0) + (s[2] ? 2.5 : 0), 3) - (s[3] ? 1 : 0);

    /// <summary>A game that is neither additive nor tame.</summary>
    private static Func<Coalition, double> Wide(int players) => s =>
        s.Members.Sum(i => (i % 4) - 0.7) + (s.Members.Sum(i => i % 3) % 4 * 0.5) + Math.Sqrt(s.Count) - (s[0] && s[players - 1] ? 1.5 : 0);
}
