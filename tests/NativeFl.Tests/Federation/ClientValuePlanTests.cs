using CsCheck;
using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Models;

namespace NativeFl.Tests.Federation;

public sealed class ClientValuePlanTests
{
    private const double Evaluation = 7, Slope = 16;

    [TestCase(8, 1, 256, "exact", 256)]
    [TestCase(8, 2, 510, "exact", 510)]
    [TestCase(8, 1, 255, "antithetic", 248)] // 2 + 8 + 17 pairs of 14 new coalitions
    [TestCase(8, 1, 66, "antithetic", 66)]
    [TestCase(8, 1, 65, "first-order", 10)]
    [TestCase(8, 2, 131, "antithetic", 130)]
    [TestCase(8, 2, 129, "first-order", 18)]
    [TestCase(8, 1, 12, "first-order", 2)]
    [TestCase(8, 1, 2.3, "first-order", 0)]
    [TestCase(8, 1, 2.2, null, 0)]
    [TestCase(1, 1, 2, "exact", 2)]
    [TestCase(1, 2, 2, "exact", 2)]
    [TestCase(30, 1, 1e7, "antithetic", 3801120)]
    public void The_first_that_fits_is_taken(int clients, int games, double room, string? estimator, int evaluations)
    {
        ClientValuePlan? plan = ClientValuePlan.Within(clients, games, Evaluation, Slope, room * Evaluation);
        Assert.That(plan?.Estimator, Is.EqualTo(estimator));
        if (plan is null) return;
        Assert.That(plan.Evaluations, Is.EqualTo(evaluations));
        Assert.That(plan.Operations, Is.EqualTo((evaluations * Evaluation) + (estimator == "first-order" ? Slope : 0)));
        Assert.That(plan.HasEnds, Is.EqualTo(evaluations > 0));
        Assert.That(plan.HasLeaveOneOut, Is.EqualTo(evaluations > 2 || clients == 1));
    }

    [Test]
    public void No_plan_is_above_its_budget_and_the_cheapest_of_every_kind_is_found() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 2], Gen.Double[0.5, 1e5], Gen.Double[1, 4], Gen.Int[0, 3]).Sample((clients, games, room, slope, kind) =>
        {
            string? wanted = new[] { null, "exact", "antithetic", "first-order" }[kind];
            if ((wanted == "exact" && clients > 16) || (wanted == "antithetic" && clients == 1)) return;
            ClientValuePlan? plan = ClientValuePlan.Within(clients, games, Evaluation, slope * Evaluation, room * Evaluation, wanted);
            double cheapest = ClientValuePlan.Cheapest(clients, games, Evaluation, slope * Evaluation, wanted);
            Assert.That(plan is not null, Is.EqualTo(cheapest <= room * Evaluation * (1 + 1e-12)));
            if (plan is null) return;
            Assert.That(plan.Operations, Is.LessThanOrEqualTo(room * Evaluation * (1 + 1e-9)));
            Assert.That(plan.Estimator, wanted is null ? Is.Not.Null : Is.EqualTo(wanted));
            Assert.That(plan.Estimator != "antithetic" || plan.Pairs >= ClientValuePlan.LeastPairs);
        });

    [Test]
    public void Operations_are_those_that_are_counted_by_hand()
    {
        ModelConfig config = ModelConfigFile.Load(Fixtures.Path("models", "llama"));
        var operations = new PassOperations(config);
        int width = config.HiddenSize, queries = config.Heads * config.HeadWidth, keys = config.KvHeads * config.HeadWidth;
        long weights = config.LayerCount * (long)((width * ((2 * queries) + (2 * keys))) + (3 * width * config.IntermediateSize));
        int[] labels = [-100, -100, 4, 5, -100, 7, 8]; // 7 begins a document: 4, 5 and 8 are counted
        var example = new TokenizedExample("a", [1, 2, 3, 4, 5, 6, 7], labels) { Starts = [0, 5] };
        double attention = config.LayerCount * (double)queries * ((5 * 5) + (2 * 2)), head = 3.0 * width * config.VocabularySize;
        Assert.Multiple(() =>
        {
            Assert.That(operations.Forward([example], 100), Is.EqualTo((7 * 2.0 * (weights + 100)) + (2 * attention) + (2 * head)));
            Assert.That(operations.Training([example], 100), Is.EqualTo((7 * ((4.0 * weights) + 600)) + (7 * attention) + (4 * head)));
            Assert.That(operations.Forward([example, example], 0), Is.EqualTo(2 * operations.Forward([example], 0)));
        });
    }
}
