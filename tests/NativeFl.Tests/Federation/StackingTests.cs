using CsCheck;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Federation;

public sealed class StackingTests
{
    // One rounding of every weighted A value: 2⁻²⁴ relative, an order of magnitude to spare for cancellation.
    private const double Tolerance = 1e-6;

    private static readonly Gen<(int Rank, double Weight, float Scaling, int Seed)> GenClient =
        Gen.Select(Gen.Int[0, 12], Gen.OneOf(Gen.Const(0.0), Gen.Double[0.1, 50]), Gen.Float[0.25f, 8], Gen.Int[0, 1_000_000]);

    [Test]
    public void The_stacked_product_is_the_weighted_sum_of_the_clients_products() =>
        Gen.Select(GenClient.Array[1, 6], Gen.Int[1, 10], Gen.Int[1, 10])
            .Where(t => t.Item1.Any(c => c.Weight > 0))
            .Sample((clients, outFeatures, inFeatures) =>
            {
                AdapterWeights[] adapters = [.. clients.Select(c => Adapter(c, outFeatures, inFeatures))];
                double[] weights = [.. clients.Select(c => c.Weight)];
                LoraFactors? stack = Adapters.Aggregate(new FloraStacking(), adapters, weights).Product.Modules.GetValueOrDefault(Adapters.Query);
                double[,] expected = Adapters.WeightedSum(Adapters.Query, outFeatures, inFeatures, adapters, weights, weights.Sum());
                if (stack is null) return clients.All(c => c.Rank == 0 || c.Weight == 0);
                double terms = clients.Sum(c => c.Weight / weights.Sum() * c.Scaling * c.Rank);
                double error = Adapters.Distance(Adapters.Dense(stack), expected) * Norm(expected);
                return stack.Scaling == 1 && stack.Rank == clients.Sum(c => c.Weight > 0 ? c.Rank : 0) && error <= Tolerance * terms * 10;
            });

    [Test]
    public void The_order_of_the_clients_does_not_matter() =>
        Gen.Select(GenClient.Array[2, 6], Gen.Int[0, 1_000_000])
            .Where(t => t.Item1.Any(c => c.Weight > 0))
            .Sample((clients, seed) =>
            {
                ClientContribution[] contributions =
                    [.. clients.Select((c, k) => new ClientContribution(k, c.Weight, Adapter(c, 4, 6)))];
                var shuffled = (ClientContribution[])contributions.Clone();
                new Philox((ulong)seed).Shuffle<ClientContribution>(shuffled);
                AdapterWeights one = new FloraStacking().Aggregate(new Contributions(contributions), new ServerState()).Product;
                AdapterWeights two = new FloraStacking().Aggregate(new Contributions(shuffled), new ServerState()).Product;
                return one.Modules.Keys.SequenceEqual(two.Modules.Keys)
                    && one.Modules.All(m => m.Value.A.SequenceEqual(two.Modules[m.Key].A) && m.Value.B.SequenceEqual(two.Modules[m.Key].B));
            });

    [Test]
    public void One_client_is_plain_LoRA()
    {
        AdapterWeights adapter = Adapters.Two(1, 3);
        AdapterWeights product = Adapters.Aggregate(new FloraStacking(), [adapter], [17]).Product;
        foreach ((ModuleId module, LoraFactors factors) in adapter.Modules)
            Assert.That(Adapters.Dense(product.Modules[module]), Is.EqualTo(Adapters.Dense(factors)));
    }

    [Test]
    public void A_client_of_rank_zero_adds_nothing_but_counts_in_the_weights()
    {
        AdapterWeights adapter = Adapters.One(1, 3);
        LoraFactors half = Adapters.Aggregate(new FloraStacking(), [adapter, Adapters.Empty], [10, 10]).Product.Modules[Adapters.Query];
        var expected = Adapters.Add(new double[9, 7], 0.5, adapter.Modules[Adapters.Query]);
        Assert.That(Adapters.Distance(Adapters.Dense(half), expected), Is.LessThan(Tolerance));
    }

    [Test]
    public void Renormalized_by_module_only_those_that_trained_it_count()
    {
        AdapterWeights both = Adapters.Two(1, 3), one = Adapters.One(2, 2);
        AdapterWeights product =
            Adapters.Aggregate(new FloraStacking(), [both, one], [30, 10], Renormalization.Module).Product;
        double[,] shared = Adapters.WeightedSum(Adapters.Query, 9, 7, [both, one], [30, 10], 40);
        Assert.Multiple(() =>
        {
            Assert.That(Adapters.Distance(Adapters.Dense(product.Modules[Adapters.Query]), shared), Is.LessThan(Tolerance));
            Assert.That(
                Adapters.Distance(Adapters.Dense(product.Modules[Adapters.Down]), Adapters.Dense(both.Modules[Adapters.Down])),
                Is.LessThan(Tolerance));
        });
    }

    [Test]
    public void Ranks_equal_to_the_dimensions_are_told_apart_by_name([Values(7, 9)] int rank)
    {
        AdapterWeights[] adapters = [Adapters.One(1, rank), Adapters.One(2, rank)];
        LoraFactors stack = Adapters.Aggregate(new FloraStacking(), adapters, [1, 3]).Product.Modules[Adapters.Query];
        double[,] expected = Adapters.WeightedSum(Adapters.Query, 9, 7, adapters, [1, 3], 4);
        Assert.That(Adapters.Distance(Adapters.Dense(stack), expected), Is.LessThan(Tolerance));
    }

    [Test]
    public void Unmerged_stacks_add_up_over_rounds_and_fold_without_loss()
    {
        var method = new FloraUnmerged();
        var state = new ServerState();
        var expected = new double[9, 7];
        var ranks = new List<int>();
        for (int round = 0; round < 4; round++)
        {
            AdapterWeights[] adapters = [Adapters.One(10 * round, 2), Adapters.One((10 * round) + 1, 1)];
            Aggregation aggregation = method.Aggregate(Contributions.Of(adapters, [1, 2]), state);
            double rounding = FoldRounding.Of(state.Beside, aggregation.Beside!, aggregation.Product);
            Assert.That(rounding, round < 2 ? Is.Zero : Is.GreaterThan(1e-9).And.LessThan(Tolerance), "only a fold rounds");
            state = state with { Beside = aggregation.Beside };
            foreach ((double p, AdapterWeights adapter) in new[] { (1 / 3.0, adapters[0]), (2 / 3.0, adapters[1]) })
                Adapters.Add(expected, p, adapter.Modules[Adapters.Query]);
            ranks.Add(state.Beside!.Modules[Adapters.Query].Rank);
            Assert.That(Adapters.Distance(Adapters.Dense(state.Beside.Modules[Adapters.Query]), expected), Is.LessThan(Tolerance));
            Assert.That(aggregation.Merge, Is.Null);
        }

        Assert.That(ranks, Is.EqualTo(new[] { 3, 6, 7, 7 }));
    }

    [Test]
    public void The_rounding_of_a_fold_is_what_it_loses()
    {
        AdapterWeights stack = Adapters.One(1, 11), folded = FoldedFactors.WhereSmaller(stack);
        LoraFactors product = folded.Modules[Adapters.Query];
        product.B[3] += 0.5f;
        double[,] got = Adapters.Dense(product), expected = Adapters.Dense(stack.Modules[Adapters.Query]);
        Assert.That(FoldRounding.Of(null, folded, stack), Is.EqualTo(Adapters.Distance(got, expected)).Within(1e-12));
    }

    [TestCase(9, 4)]
    [TestCase(4, 9)]
    [TestCase(5, 5)]
    public void A_fold_keeps_the_product_at_the_rank_of_the_smaller_side(int outFeatures, int inFeatures)
    {
        LoraFactors factors = Adapters.Factors(3, 11, outFeatures, inFeatures, 0.5f);
        LoraFactors folded = FoldedFactors.Fold(factors);
        Assert.Multiple(() =>
        {
            Assert.That(folded.Rank, Is.EqualTo(Math.Min(outFeatures, inFeatures)));
            Assert.That(folded.Scaling, Is.EqualTo(1));
            Assert.That(Adapters.Distance(Adapters.Dense(folded), Adapters.Dense(factors)), Is.LessThan(1e-7));
        });
    }

    private static AdapterWeights Adapter((int Rank, double Weight, float Scaling, int Seed) client, int outFeatures, int inFeatures) =>
        client.Rank == 0 ? Adapters.Empty : Adapters.One(client.Seed, client.Rank, outFeatures, inFeatures, client.Scaling);

    private static double Norm(double[,] values)
    {
        double sum = values.Cast<double>().Sum(v => v * v);
        return sum == 0 ? 1 : Math.Sqrt(sum);
    }
}
