using NativeFl.Valuation;

namespace NativeFl.Tests.Valuation;

public sealed class PermutationAsReleasedTests
{
    private const int Players = 5, Permutations = 3;

    [Test]
    public void Where_nobody_is_worth_nothing_it_is_the_permutation_estimate()
    {
        Func<Coalition, double> game = Games.Additive(0, 1, -2, 0.5, 3, 0);
        Assert.That(
            Games.Values(new PermutationAsReleased(Players, Permutations, 7), game),
            Is.EqualTo(Games.Values(new PermutationShapley(Players, Permutations, 7), game)).Within(1e-12));
    }

    [Test]
    public void Whoever_is_left_over_last_gets_the_worth_of_nobody_too()
    {
        const double nothing = 100;
        double[] worths = [1, -2, 0.5, 3, 0];
        double[] got = Games.Values(new PermutationAsReleased(Players, Permutations, 7), Games.Additive(nothing, worths));
        var last = new double[Players];
        for (int j = 0; j < Permutations; j++) last[PermutationBlocks.Order(Players, 7, j)[0]] += nothing / Permutations;
        Assert.That(got, Is.EqualTo(worths.Zip(last, (worth, extra) => worth + extra)).Within(1e-9));
        Assert.That(last, Has.Some.EqualTo(0).And.Some.GreaterThan(1), "it is chance who is last");
    }

    [Test]
    public void Its_values_add_up_to_the_whole_of_v_and_not_to_what_all_have_over_nobody()
    {
        Func<Coalition, double> game = Games.Arbitrary(Players, 4);
        double sum = Games.Values(new PermutationAsReleased(Players, Permutations, 7), game).Sum();
        Assert.That(sum, Is.EqualTo(game(Coalition.All(Players))).Within(1e-12));
        Assert.That(game(Coalition.None(Players)), Is.Not.Zero.Within(0.1));
    }

    [Test]
    public void They_are_linear_in_v_and_equal_for_equal_players_in_the_mean()
    {
        Func<Coalition, double> a = Games.Arbitrary(Players, 1), b = Games.Arbitrary(Players, 2);
        double[] Of(Func<Coalition, double> game, int seed) => Games.Values(new PermutationAsReleased(Players, Permutations, (ulong)seed), game);
        Assert.That(Of(s => (2 * a(s)) + b(s), 7), Is.EqualTo(Of(a, 7).Zip(Of(b, 7), (x, y) => (2 * x) + y)).Within(1e-12));

        double[] differences = [.. Enumerable.Range(0, 2000).Select(seed => Of(s => 10 + (s[0] ? 1 : 0) + (s[1] ? 1 : 0), seed)).Select(values => values[0] - values[1])];
        double mean = differences.Average(), error = Math.Sqrt(differences.Sum(d => (d - mean) * (d - mean)) / (differences.Length - 1) / differences.Length);
        Assert.That(mean, Is.Zero.Within(4 * error));
        Assert.That(error, Is.InRange(0.01, 0.2), "it is chance who of them is last");
    }

    [Test]
    public void Its_name_says_what_it_is_and_it_is_the_only_one_with_a_caution()
    {
        EstimatorKind kind = EstimatorKind.Of("permutation-as-released");
        Assert.That(kind.Make(Players, 13, 0.01, 7), Is.TypeOf<PermutationAsReleased>());
        Assert.That(kind.Caution, Does.Contain("v of nobody is taken for 0"));
        Assert.That(EstimatorKind.All.Where(other => other.Caution is not null), Is.EqualTo([kind]));
    }

    [Test]
    public void It_rests_on_the_coalitions_of_the_permutation_estimate_but_for_the_empty_one()
    {
        var released = PermutationAsReleased.WithBudget(Players, 13, 7);
        var permutation = PermutationShapley.WithBudget(Players, 13, 7);
        CoalitionValues values = Games.Play(permutation, Games.Arbitrary(Players, 1));
        Assert.That(released.FineTunings, Is.EqualTo(permutation.FineTunings));
        Assert.That(released.Next(values), Is.Empty);
        Assert.That(
            released.Next(new CoalitionValues(Players)),
            Is.EqualTo(permutation.Next(new CoalitionValues(Players)).Where(coalition => coalition.Count > 0)));
    }
}
