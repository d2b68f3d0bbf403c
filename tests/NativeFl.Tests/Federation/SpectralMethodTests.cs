using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Federation;

/// <summary>FlexLoRA and FLoRIST: the exact sum, cut by its singular values.</summary>
public sealed class SpectralMethodTests
{
    private const double Tolerance = 1e-5;

    private static readonly double[] Sizes = [10, 30, 60];

    private static AdapterWeights[] Clients => [Adapters.Two(1, 2), Adapters.Two(2, 1, scaling: 4), Adapters.Two(3, 1)];

    [Test]
    public void FlexLoRA_keeps_the_largest_rank_and_loses_the_tail()
    {
        Aggregation aggregation = Adapters.Aggregate(new FlexLora(), Clients, Sizes);
        AdapterWeights stack = Adapters.Aggregate(new FloraStacking(), Clients, Sizes).Product;
        foreach ((ModuleId module, LoraFactors exact) in stack.Modules)
        {
            LoraFactors kept = aggregation.Global!.Modules[module];
            IReadOnlyList<double> sigma = new StackSpectrum(exact).SingularValues;
            double tail = Math.Sqrt(sigma.Skip(2).Sum(s => s * s) / sigma.Sum(s => s * s));
            Assert.That(kept.Rank, Is.EqualTo(2));
            Assert.That(tail, Is.GreaterThan(0.01));
            Assert.That(Adapters.Distance(Adapters.Dense(kept), Adapters.Dense(exact)), Is.EqualTo(tail).Within(Tolerance));
        }
    }

    [Test]
    public void FlexLoRA_gives_a_client_its_strongest_directions()
    {
        LoraFactors global = Adapters.Aggregate(new FlexLora(), Clients, Sizes).Global!.Modules[Adapters.Query];
        LoraFactors exact = Adapters.Aggregate(new FloraStacking(), Clients, Sizes).Product.Modules[Adapters.Query];
        LoraFactors own = FactorAverage.Cut(global, 1, 2);
        Assert.That(
            Adapters.Distance(Adapters.Dense(own), Adapters.Dense(new StackSpectrum(exact).Truncated(1))), Is.LessThan(Tolerance),
            "the best approximation of rank 1");
    }

    [Test]
    public void FlexLoRA_loses_nothing_where_the_sum_has_the_rank()
    {
        AdapterWeights adapter = Adapters.Two(5, 3);
        Aggregation aggregation = Adapters.Aggregate(new FlexLora(), [adapter, adapter], [1, 3]);
        foreach ((ModuleId module, LoraFactors factors) in adapter.Modules)
            Assert.That(Adapters.Distance(Adapters.Dense(aggregation.Global!.Modules[module]), Adapters.Dense(factors)), Is.LessThan(Tolerance));
    }

    [Test]
    public void FlexLoRA_leaves_what_nobody_trained_and_never_shrinks()
    {
        AdapterWeights before = Adapters.Aggregate(new FlexLora(), [Adapters.Two(1, 4)], [1]).Global!;
        Aggregation aggregation = new FlexLora().Aggregate(Contributions.Of([Adapters.One(7, 2), Adapters.One(8, 3)], [1, 1]), new ServerState { Global = before });
        Assert.Multiple(() =>
        {
            Assert.That(aggregation.Global!.Modules[Adapters.Down], Is.SameAs(before.Modules[Adapters.Down]));
            Assert.That(aggregation.Global!.Modules[Adapters.Query].Rank, Is.EqualTo(4), "the client of rank 4 was not drawn, and comes back");
        });
    }

    [Test]
    public void FLoRIST_that_keeps_all_energy_is_FLoRA()
    {
        Aggregation florist = Adapters.Aggregate(new Florist { Energy = 1 }, Clients, Sizes);
        AdapterWeights stack = Adapters.Aggregate(new FloraStacking(), Clients, Sizes).Product;
        Assert.That(florist.Merge, Is.SameAs(florist.Product));
        foreach ((ModuleId module, LoraFactors exact) in stack.Modules)
            Assert.That(Adapters.Distance(Adapters.Dense(florist.Product.Modules[module]), Adapters.Dense(exact)), Is.LessThan(Tolerance));
    }

    [TestCase(0.5)]
    [TestCase(0.9)]
    [TestCase(0.99)]
    public void FLoRIST_loses_at_most_the_energy_that_it_may_and_sends_less(double energy)
    {
        var method = new Florist { Energy = energy };
        Aggregation florist = Adapters.Aggregate(method, Clients, Sizes);
        AdapterWeights stack = Adapters.Aggregate(new FloraStacking(), Clients, Sizes).Product;
        foreach ((ModuleId module, LoraFactors exact) in stack.Modules)
            Assert.That(Adapters.Distance(Adapters.Dense(florist.Product.Modules[module]), Adapters.Dense(exact)), Is.LessThanOrEqualTo(Math.Sqrt(1 - energy) + Tolerance));
        Assert.That(method.DownloadBytes(florist, Clients[0]), Is.LessThanOrEqualTo(sizeof(float) * stack.ParameterCount));
        if (energy == 0.5) Assert.That(florist.Product.ParameterCount, Is.LessThan(stack.ParameterCount));
    }

    [TestCase(0)]
    [TestCase(1.01)]
    [TestCase(double.NaN)]
    public void FLoRIST_refuses_an_energy_that_is_no_share(double energy) =>
        Assert.That(() => new Florist { Energy = energy }, Throws.TypeOf<InvalidInputException>().With.Message.StartsWith("--energy"));
}
