using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;
using NativeFl.Valuation;

namespace NativeFl.Tests.Federation;

/// <summary>The games of a round's clients, by masks on their stack, against each coalition's ΔW summed in double and merged densely.</summary>
internal abstract class ClientGameTest
{
    private Backend _backend = null!;
    private Transformer _model = null!;
    private TokenizedExample[] _validation = null!;

    /// <summary>The backend under test.</summary>
    protected abstract Backend Open();

    /// <summary>How far two sums of the same terms in another order may lie apart: a few dozen roundings of f32 on a loss of about 6 nats.</summary>
    protected virtual double Rounding => 2e-5;

    [OneTimeSetUp]
    public void Load()
    {
        _backend = Open();
        _model = TrainingCases.Model(_backend);
        _validation = TrainingCases.Examples(3, 71);
    }

    [OneTimeTearDown]
    public void Unload()
    {
        _model?.Dispose();
        _backend?.Dispose();
    }

    [Test]
    public void Every_coalition_is_worth_what_its_dense_sum_is([Values] Renormalization renormalization)
    {
        AdapterWeights[] adapters = Clients(_model.Config);
        double[] weights = [3, 2, 5];
        ClientChanges changes = ClientChanges.Of(Contributions.Of(adapters, weights, renormalization));
        using var stack = new ClientStack(_model, changes, _validation, maxRows: 40);
        Coalition[] all = [.. Enumerable.Range(0, 8).Select(set => Coalition.Of(3, Enumerable.Range(0, 3).Where(k => (set >> k & 1) != 0)))];
        IReadOnlyList<double> fixedValues = ClientGame.Fixed(stack).Measure(all, default), renormalised = ClientGame.Renormalised(stack).Measure(all, default);
        for (int i = 0; i < all.Length; i++)
        {
            Assert.That(fixedValues[i], Is.EqualTo(Dense(adapters, weights, _ => true, all[i], renormalization)).Within(Rounding), $"fixed {all[i]}");
            Assert.That(renormalised[i], Is.EqualTo(Dense(adapters, weights, k => all[i][k], all[i], renormalization)).Within(Rounding), $"renormalised {all[i]}");
        }

        Assert.That(fixedValues, Is.Unique);
        Assert.That(renormalised[7], Is.EqualTo(fixedValues[7]), "all weigh what they do in the round");
        Assert.That(stack.Evaluations, Is.EqualTo(14), "nobody and all are the same in both games");
    }

    [Test]
    public void Many_coalitions_in_one_pass_score_as_each_in_a_pass_of_its_own()
    {
        ClientChanges changes = ClientChanges.Of(Contributions.Of(Clients(_model.Config), [1, 1, 1]));
        Coalition[] all = [.. Enumerable.Range(0, 8).Select(set => Coalition.Of(3, Enumerable.Range(0, 3).Where(k => (set >> k & 1) != 0)))];
        using var together = new ClientStack(_model, changes, _validation, maxRows: 400);
        IReadOnlyList<double> values = ClientGame.Fixed(together).Measure(all, default);
        for (int i = 0; i < all.Length; i++)
        {
            using var alone = new ClientStack(_model, changes, _validation, maxRows: 1);
            Assert.That(values[i], Is.EqualTo(ClientGame.Fixed(alone).Measure([all[i]], default)[0]).Within(Rounding), $"{all[i]}");
        }
    }

    [Test]
    public void A_client_that_changed_nothing_is_worth_exactly_nothing_in_the_fixed_game_and_is_not_measured()
    {
        AdapterWeights[] adapters = Clients(_model.Config);
        AdapterWeights fresh = LoraInitialisation.Create(_model.Config, new LoraOptions { Rank = 5 }, 3);
        ClientChanges changes = ClientChanges.Of(Contributions.Of([adapters[0], fresh, adapters[1], Adapters.Empty], [3, 2, 5, 1]));
        using var stack = new ClientStack(_model, changes, _validation);
        IReadOnlyList<ClientValues> values = new ClientValuation(stack, Exact(4, 2), 1).Measure("both");
        Assert.Multiple(() =>
        {
            Assert.That(values[0].Clients.Select(c => (c.Value == 0, c.StandardError == 0, c.LeaveOneOut == 0)), Is.EqualTo(new[]
            {
                (false, false, false), (true, true, true), (false, false, false), (true, true, true),
            }));
            Assert.That(values[0].Evaluations, Is.EqualTo(4), "the coalitions of the other two");
            Assert.That(values[1].Clients.Select(c => c.Value), Has.All.Not.Zero, "they take weight from the others");
        });
    }

    [Test]
    public void First_order_values_are_the_slope_half_way()
    {
        ClientChanges changes = ClientChanges.Of(Contributions.Of(Clients(_model.Config), [3, 2, 5]));
        using var stack = new ClientStack(_model, changes, _validation);
        ClientValuePlan plan = ClientValuePlan.Within(3, 1, 1, 2, 1e9, ClientValuePlan.FirstOrder)!;
        ClientValues values = new ClientValuation(stack, plan, 1).Measure("fixed")[0];
        const double Step = 0.05;
        double tokens = stack.Counted.Sum();
        for (int k = 0; k < 3; k++)
        {
            double At(double part) => -stack.Losses([stack.Mixture((j, _) => changes.Weights[j] * (j == k ? part : 0.5))], default)[0].Sum() / tokens;
            double slope = (At(0.5 + Step) - At(0.5 - Step)) / (2 * Step);
            Assert.That(values.Clients[k].Value, Is.EqualTo(slope).Within((2 * Rounding / Step) + (0.02 * Math.Abs(slope))), $"client {k}");
        }

        Assert.That(values.Clients.Select(c => c.Value), Has.All.Not.Zero);
    }

    /// <summary>Three clients: one on all modules, one on the first layers, one on another few; ranks and scalings unequal.</summary>
    private static AdapterWeights[] Clients(ModelConfig config) =>
    [
        TrainingCases.Adapter(config, 4, 1),
        Part(TrainingCases.Adapter(config, 2, 2), module => module.Layer == 0),
        Part(TrainingCases.Adapter(config, 3, 3), module => module.Projection is Projection.Query or Projection.Down),
    ];

    private static AdapterWeights Part(AdapterWeights adapter, Func<ModuleId, bool> has) =>
        new(new SortedDictionary<ModuleId, LoraFactors>(adapter.Modules.Where(m => has(m.Key)).ToDictionary(m => m.Key, m => m.Value with { Scaling = 2 })));

    private static ClientValuePlan Exact(int clients, int games) => ClientValuePlan.Within(clients, games, 1, 2, 1e9, ClientValuePlan.Exact)!;

    /// <summary>−loss of the base + Σ_{k∈S} w_k s_k B_kᵀA_k, the sum in double; weights are divided by the sum over those who count, on each module if asked.</summary>
    private double Dense(AdapterWeights[] adapters, double[] weights, Func<int, bool> counts, Coalition coalition, Renormalization renormalization)
    {
        using Transformer copy = _model.Clone();
        foreach (ModuleId module in _model.Config.Modules())
        {
            int[] trained = [.. Enumerable.Range(0, adapters.Length).Where(k => adapters[k].Modules.ContainsKey(module))];
            IEnumerable<int> divisor = Enumerable.Range(0, adapters.Length).Where(k => counts(k) && (renormalization == Renormalization.None || trained.Contains(k)));
            double total = divisor.Sum(k => weights[k]);
            (int outFeatures, int inFeatures) = _model.Config.ShapeOf(module.Projection);
            var sum = new double[outFeatures, inFeatures];
            foreach (int k in trained.Where(k => coalition[k])) Adapters.Add(sum, weights[k] / total, adapters[k].Modules[module]);
            if (trained.Any(k => coalition[k])) Add(copy, module, sum);
        }

        using var scorer = new TokenScorer(copy);
        float[][] losses = scorer.Losses(_validation);
        return -losses.Sum(own => own.Sum(x => (double)x)) / losses.Sum(own => own.Length);
    }

    /// <summary>W += ΔW, as an adapter whose A is the identity.</summary>
    private static void Add(Transformer model, ModuleId module, double[,] delta)
    {
        int outFeatures = delta.GetLength(0), inFeatures = delta.GetLength(1);
        var a = new float[inFeatures * inFeatures];
        var b = new float[inFeatures * outFeatures];
        for (int i = 0; i < inFeatures; i++)
        {
            a[(i * inFeatures) + i] = 1;
            for (int o = 0; o < outFeatures; o++) b[(i * outFeatures) + o] = (float)delta[o, i];
        }

        AdapterMerge.Into(model, Adapters.Of((module, new LoraFactors(inFeatures, outFeatures, inFeatures, 1, a, b))), DType.F32);
    }
}
