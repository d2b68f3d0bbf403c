using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;
using NativeFl.Valuation;

namespace NativeFl.Tests.Federation;

internal sealed class CpuClientGameTests : ClientGameTest
{
    private Backend _cpu = null!;
    private Transformer _base = null!;

    protected override Backend Open() => TrainingCases.Backend();

    [SetUp]
    public void OpenBase()
    {
        _cpu = TrainingCases.Backend();
        _base = TrainingCases.Model(_cpu);
    }

    [TearDown]
    public void CloseBase()
    {
        _base.Dispose();
        _cpu.Dispose();
    }

    [Test]
    public void Exact_values_are_those_of_coalitions_that_are_measured_one_by_one_and_add_up()
    {
        ClientChanges changes = Changes([2, 3, 1, 4], [2, 1, 1, 3]);
        TokenizedExample[] validation = TrainingCases.Examples(6, 8);
        foreach (string name in new[] { "fixed", "renormalised" })
        {
            var table = new CoalitionValues(4);
            foreach (int set in Enumerable.Range(0, 16))
            {
                Coalition coalition = Coalition.Of(4, Enumerable.Range(0, 4).Where(k => (set >> k & 1) != 0));
                using var one = new ClientStack(_base, changes, validation, maxRows: 30);
                table.Add(coalition, ClientGames.Find(name, one)[0].Measure([coalition], default)[0]);
            }

            IReadOnlyList<PlayerValue> expected = new ExactShapley(4).Estimate(table), left = new LeaveOneOut(4).Estimate(table);
            ClientValues values = Measure(changes, validation, name, Plan(4, ClientValuePlan.Exact));
            Assert.Multiple(() =>
            {
                Assert.That(values.Clients.Select(c => c.Value), Is.EqualTo(expected.Select(v => v.Value)).Within(2 * Rounding), name);
                Assert.That(values.Clients.Select(c => c.LeaveOneOut!.Value), Is.EqualTo(left.Select(v => v.Value)).Within(2 * Rounding), name);
                Assert.That(values.Clients.Sum(c => c.Value), Is.EqualTo(values.All!.Value - values.Empty!.Value).Within(1e-12), name);
                Assert.That(values.Clients.Select(c => c.SamplingError), Has.All.Zero, name);
                Assert.That(values.Evaluations, Is.EqualTo(16), name);
            });
        }
    }

    [Test]
    public void Equal_clients_of_equal_weight_have_equal_values()
    {
        AdapterWeights twin = TrainingCases.Adapter(_base.Config, 3, 1), other = TrainingCases.Adapter(_base.Config, 2, 2);
        ClientChanges changes = ClientChanges.Of(Contributions.Of([twin, other, twin], [2, 5, 2]));
        foreach (ClientValues values in Games(changes, TrainingCases.Examples(5, 8), Plan(3, ClientValuePlan.Exact, 2)))
        {
            Assert.That(values.Clients[2].Value, Is.EqualTo(values.Clients[0].Value).Within(Rounding), values.Game);
            Assert.That(values.Clients[1].Value, Is.Not.EqualTo(values.Clients[0].Value).Within(10 * Rounding), values.Game);
        }
    }

    [Test]
    public void A_client_alone_counts_with_the_whole_of_its_change_in_the_renormalised_game()
    {
        AdapterWeights[] adapters = [TrainingCases.Adapter(_base.Config, 3, 1), TrainingCases.Adapter(_base.Config, 2, 2)];
        TokenizedExample[] validation = TrainingCases.Examples(5, 8);
        using var stack = new ClientStack(_base, ClientChanges.Of(Contributions.Of(adapters, [7, 2])), validation);
        IReadOnlyList<double> values = ClientGame.Renormalised(stack).Measure([Coalition.None(2), Coalition.Of(2, [0]), Coalition.Of(2, [1])], default);
        Assert.That(values[0], Is.EqualTo(Quality(validation)).Within(Rounding));
        Assert.That(values[1], Is.EqualTo(Quality(validation, adapters[0])).Within(Rounding));
        Assert.That(values[2], Is.EqualTo(Quality(validation, adapters[1])).Within(Rounding));
    }

    [Test]
    public void A_client_that_goes_on_from_an_adapter_counts_with_what_it_changed_of_it()
    {
        AdapterWeights start = TrainingCases.Adapter(_base.Config, 3, 1), first = TrainingCases.Adapter(_base.Config, 3, 2);
        AdapterWeights back = new(start.Modules.ToDictionary(m => m.Key, m => m.Value with { A = [.. m.Value.A], B = [.. m.Value.B] }));
        TokenizedExample[] validation = TrainingCases.Examples(5, 8);
        var starts = new Dictionary<int, AdapterWeights> { [0] = start, [1] = start, [2] = start };
        AdapterWeights[] adapters = [first, back, TrainingCases.Adapter(_base.Config, 3, 3)];
        ClientChanges changes = ClientChanges.Of(Contributions.Of(adapters, [1, 1, 2]), starts, new ServerState { Global = start });
        ClientValues values = Measure(changes, validation, "fixed", Plan(3, ClientValuePlan.Exact));
        Assert.Multiple(() =>
        {
            Assert.That(values.Empty!.Value, Is.EqualTo(Quality(validation, start)).Within(Rounding), "nobody: the model that the round began with");
            Assert.That(values.All!.Value, Is.EqualTo(Quality(validation, [.. Enumerable.Repeat(first, 1), back, adapters[2], adapters[2]], 0.25f)).Within(Rounding), "all: Σ p_k s_k B_kᵀA_k");
            Assert.That(values.Clients[1].Value, Is.Zero, "it came back as it went");
            Assert.That(values.Clients[0].Value, Is.Not.Zero);
        });
    }

    [Test]
    public void Errors_are_those_of_the_paired_differences_over_the_validation_examples()
    {
        AdapterWeights adapter = TrainingCases.Adapter(_base.Config, 3, 1);
        TokenizedExample[] validation = TrainingCases.Examples(7, 8);
        ClientChanges changes = ClientChanges.Of(Contributions.Of([adapter], [1]));
        ClientValue value = Measure(changes, validation, "fixed", Plan(1, ClientValuePlan.Exact)).Clients[0];
        double[] without = Losses(validation), with = Losses(validation, adapter);
        int[] counted = [.. validation.Select(e => e.CountedTokens)];
        var expected = new ClusteredMean(without.Zip(with, (x, y) => x - y).Zip(counted));
        Assert.Multiple(() =>
        {
            Assert.That(value.Value, Is.EqualTo(expected.Mean).Within(Rounding));
            Assert.That(value.StandardError, Is.EqualTo(expected.StandardError!.Value).Within(Rounding));
            Assert.That(value.LeaveOneOut, Is.EqualTo(value.Value).Within(1e-12));
            Assert.That(value.LeaveOneOutError, Is.EqualTo(value.StandardError).Within(1e-12));
        });
    }

    [Test]
    public void Orders_and_first_order_values_are_near_the_exact_ones_within_their_errors_and_cost_what_was_planned()
    {
        ClientChanges changes = Changes([2, 3, 1, 4, 2, 2], [2, 1, 1, 3, 1, 2]);
        TokenizedExample[] validation = TrainingCases.Examples(40, 8);
        foreach ((ClientValues exact, ClientValues sampled, ClientValues first) in Games(changes, validation, Plan(6, ClientValuePlan.Exact, 2)).Zip(
            Games(changes, validation, Plan(6, ClientValuePlan.Antithetic, 2, budget: 400)), Games(changes, validation, Plan(6, ClientValuePlan.FirstOrder, 2))))
        {
            double spread = exact.Clients.Max(c => c.Value) - exact.Clients.Min(c => c.Value);
            for (int k = 0; k < 6; k++)
            {
                Assert.That(sampled.Clients[k].Value, Is.EqualTo(exact.Clients[k].Value).Within(4 * sampled.Clients[k].SamplingError!.Value), $"{exact.Game} {k}");
                Assert.That(first.Clients[k].Value, Is.EqualTo(exact.Clients[k].Value).Within(0.2 * spread), $"{exact.Game} {k}");
                if (exact.Game == "renormalised") Assert.That(first.Clients[k].StandardError, Is.Null, "its error is the slope's, and no sample tells it");
                else Assert.That(first.Clients[k].StandardError, Is.EqualTo(exact.Clients[k].StandardError!.Value).Within(0.8 * exact.Clients[k].StandardError!.Value), $"{exact.Game} {k}");
            }

            Assert.That(sampled.Evaluations, Is.LessThanOrEqualTo(sampled.Plan.Evaluations));
            Assert.That(sampled.Operations, Is.GreaterThan(0).And.LessThanOrEqualTo(sampled.Plan.Operations));
            Assert.That(first.Operations, Is.GreaterThan(0).And.LessThanOrEqualTo(first.Plan.Operations));
        }
    }

    [Test]
    public void A_game_without_anything_to_score_is_refused()
    {
        var silent = new TokenizedExample("silent", [1, 2, 3], [-100, -100, -100]);
        Assert.That(() => new ClientStack(_base, Changes([2], [1]), [silent]), Throws.TypeOf<InvalidInputException>());
        Assert.That(() => ClientGames.Count("other"), Throws.TypeOf<InvalidInputException>().With.Message.Contains("other"));
    }

    private ClientValuePlan Plan(int clients, string estimator, int games = 1, double budget = 1e9)
    {
        (double forward, double both) = Changes([2, 3, 1, 4, 2, 2], [2, 1, 1, 3, 1, 2]).Costs(_base.Config, TrainingCases.Examples(40, 8));
        return ClientValuePlan.Within(clients, games, forward, both, budget * forward, estimator)!;
    }

    private ClientChanges Changes(int[] ranks, double[] weights) => ClientChanges.Of(
        Contributions.Of([.. ranks.Select((rank, k) => TrainingCases.Adapter(_base.Config, rank, (ulong)k + 1))], weights));

    private ClientValues Measure(ClientChanges changes, TokenizedExample[] validation, string game, ClientValuePlan plan)
    {
        using var stack = new ClientStack(_base, changes, validation, maxRows: 60);
        return new ClientValuation(stack, plan, 5).Measure(game).Single();
    }

    private IReadOnlyList<ClientValues> Games(ClientChanges changes, TokenizedExample[] validation, ClientValuePlan plan)
    {
        using var stack = new ClientStack(_base, changes, validation);
        return new ClientValuation(stack, plan, 5).Measure(ClientGames.Both);
    }

    private double Quality(TokenizedExample[] validation, params AdapterWeights[] adapters) => Quality(validation, adapters, 1);

    private double Quality(TokenizedExample[] validation, AdapterWeights[] adapters, float weight) =>
        -Losses(validation, adapters, weight).Sum() / validation.Sum(e => e.CountedTokens);

    private double[] Losses(TokenizedExample[] validation, params AdapterWeights[] adapters) => Losses(validation, adapters, 1);

    private double[] Losses(TokenizedExample[] validation, AdapterWeights[] adapters, float weight)
    {
        using var stack = new NativeFl.Finetuning.AdapterStack(_base, adapters, trainable: false);
        using var scorer = new TokenScorer(_base, stack, [.. adapters.Select(_ => weight)]);
        return [.. scorer.Losses(validation).Select(own => own.Sum(x => (double)x))];
    }
}
