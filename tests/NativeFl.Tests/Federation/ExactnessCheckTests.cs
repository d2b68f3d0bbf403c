using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Federation;

public sealed class ExactnessCheckTests
{
    private static readonly double[] Sizes = [10, 30, 60];

    private CpuBackend _backend = null!;

    [OneTimeSetUp]
    public void Open() => _backend = new CpuBackend();

    [OneTimeTearDown]
    public void Close() => _backend.Dispose();

    [Test]
    public void Exact_methods_are_exact_to_f32([Values("flora", "flora-unmerged", "fedex")] string name)
    {
        int[] ranks = name == "fedex" ? [4, 4, 4] : [2, 4, 7];
        AdapterWeights[] adapters = [.. ranks.Select((r, k) => Adapters.Two(k, r, 1 + k))];
        Aggregation aggregation = Adapters.Aggregate(FederationMethods.FindAggregation(name), adapters, Sizes);
        Assert.That(Measure(aggregation.Applied, adapters), Is.GreaterThan(0).And.LessThan(1e-6));
    }

    [Test]
    public void One_corrupted_weight_makes_it_jump()
    {
        AdapterWeights[] adapters = [Adapters.Two(1, 2), Adapters.Two(2, 4), Adapters.Two(3, 7)];
        AdapterWeights product = Adapters.Aggregate(new FloraStacking(), adapters, Sizes).Product;
        product.Modules[Adapters.Down].B[3] += 0.01f;
        Assert.That(Measure([product], adapters), Is.GreaterThan(1e-4));
    }

    [Test]
    public void For_averaged_factors_it_is_the_size_of_the_cross_terms()
    {
        AdapterWeights[] adapters = [Adapters.One(1, 3), Adapters.One(2, 3), Adapters.One(3, 3)];
        Aggregation aggregation = Adapters.Aggregate(new FedAvg(), adapters, Sizes);
        double[,] wanted = Adapters.WeightedSum(Adapters.Query, 9, 7, adapters, Sizes, 100);
        double expected = Adapters.Distance(Adapters.Dense(aggregation.Global!.Modules[Adapters.Query]), wanted);
        Assert.That(Measure(aggregation.Applied, adapters), Is.EqualTo(expected).Within(1e-5));
        Assert.That(expected, Is.GreaterThan(0.1));
    }

    [Test]
    public void It_makes_its_own_weights_where_modules_are_renormalized()
    {
        AdapterWeights[] adapters = [Adapters.Two(1, 2), Adapters.One(2, 4), Adapters.Empty];
        foreach (Renormalization renormalization in Enum.GetValues<Renormalization>())
        {
            Aggregation aggregation = Adapters.Aggregate(new FloraStacking(), adapters, Sizes, renormalization);
            Assert.That(Measure(aggregation.Applied, adapters, renormalization), Is.LessThan(1e-6));
            Assert.That(Measure(aggregation.Applied, adapters, 1 - renormalization), Is.GreaterThan(0.1));
        }
    }

    [Test]
    public void Nothing_learnt_is_exact()
    {
        LoraFactors fresh = Adapters.Factors(1, 2, 9, 7, 2);
        Array.Clear(fresh.B);
        AdapterWeights[] adapters = [Adapters.Of((Adapters.Query, fresh)), Adapters.Empty, Adapters.Empty];
        Aggregation aggregation = Adapters.Aggregate(new FloraStacking(), adapters, Sizes);
        Assert.That(Measure(aggregation.Applied, adapters), Is.Zero);
    }

    [Test]
    public void It_does_not_depend_on_row_blocks()
    {
        // Wider than one block of the dense product: 2²⁰ elements.
        AdapterWeights[] adapters = [Adapters.One(1, 3, 700, 2000), Adapters.One(2, 5, 700, 2000), Adapters.One(3, 1, 700, 2000)];
        Aggregation aggregation = Adapters.Aggregate(new FloraStacking(), adapters, Sizes);
        Assert.That(Measure(aggregation.Applied, adapters), Is.LessThan(1e-6));
        aggregation.Product.Modules[Adapters.Query].B[699] += 1;
        Assert.That(Measure(aggregation.Applied, adapters), Is.GreaterThan(1e-4));
    }

    [TestCase(DType.F32, 1e-8, 1e-5)]
    [TestCase(DType.F16, 1e-4, 0.1)]
    [TestCase(DType.BF16, 1e-3, 1)]
    public void Rounding_is_the_price_of_storage(DType storage, double atLeast, double atMost)
    {
        LoraFactors factors = Adapters.Factors(1, 3, 9, 7, 0.1f), start = Adapters.Factors(2, 7, 9, 7, 1);
        using var base_ = new DenseProduct(_backend, 9, 7, [start]);
        (double error, double norm) = AdapterMerge.Into(_backend, base_.Matrix, factors, storage);
        var merged = new float[63];
        base_.Rows(0, merged);
        double[,] expected = Adapters.Add(Adapters.Dense(start), 1, factors);
        var got = new double[9, 7];
        for (int i = 0; i < 63; i++) got[i / 7, i % 7] = merged[i];
        Assert.Multiple(() =>
        {
            Assert.That(Math.Sqrt(error / norm), Is.GreaterThan(atLeast).And.LessThan(atMost));
            Assert.That(Adapters.Distance(got, expected), Is.LessThan(1e-6));
        });
    }

    private double Measure(
        IReadOnlyList<AdapterWeights> applied, AdapterWeights[] adapters, Renormalization renormalization = Renormalization.None) =>
        ExactnessCheck.Measure(
            _backend, applied, [.. adapters.Select((a, k) => new ClientContribution(k, Sizes[k], a))], renormalization);
}
