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
