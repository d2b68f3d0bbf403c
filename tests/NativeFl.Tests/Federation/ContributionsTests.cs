using CsCheck;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Federation;

public sealed class ContributionsTests
{
    private static readonly string[] Aggregating = ["flora", "flora-unmerged", "fedavg", "zero-padding", "fedex", "fedavg-as-released"];

    [Test]
    public void Weights_are_shares_of_their_sum() =>
        Gen.Double[0, 100].Array[1, 8].Where(w => w.Sum() > 0).Sample(weights =>
        {
            double[] p = ClientWeights.Normalise(weights, "--weights");
            return Math.Abs(p.Sum() - 1) < 1e-12 && p.Zip(weights).All(t => Math.Abs((t.First * weights.Sum()) - t.Second) < 1e-9);
        });

    [TestCase(new[] { 1.0, -1 }, "finite and not negative, got -1 for client 1")]
    [TestCase(new[] { 1.0, double.NaN }, "finite and not negative, got NaN for client 1")]
    [TestCase(new[] { double.PositiveInfinity, 1 }, "finite and not negative")]
    [TestCase(new[] { 0.0, 0 }, "at least one weight above zero, got all zero")]
    [TestCase(new[] { 1.7e308, 1.7e308 }, "a finite sum")]
    public void Weights_that_mean_nothing_are_refused(double[] weights, string message)
    {
        var error = Assert.Throws<InvalidInputException>(() => ClientWeights.Normalise(weights, "--weights"));
        Assert.That(error.Message, Does.StartWith("--weights: ").And.Contain(message));
    }

    [Test]
    public void A_count_of_weights_that_does_not_match_is_refused()
    {
        var error = Assert.Throws<InvalidInputException>(() => Contributions.Of([Adapters.One(1, 2)], [1, 2]));
        Assert.That(error.Message, Is.EqualTo("--weights: expected one weight an adapter, got 2 for 1 adapters"));
    }

    [Test]
    public void A_NaN_of_a_client_that_weighs_nothing_reaches_nothing([ValueSource(nameof(Aggregating))] string name)
    {
        AdapterWeights poisoned = Adapters.One(1, 3);
        poisoned.Modules[Adapters.Query].A[4] = float.NaN;
        poisoned.Modules[Adapters.Query].B[2] = float.PositiveInfinity;
        AdapterWeights healthy = Adapters.One(2, 3);
        IAggregationMethod method = FederationMethods.FindAggregation(name);
        Aggregation with = Adapters.Aggregate(method, [poisoned, healthy], [0, 5]);
        Aggregation without = Adapters.Aggregate(method, [healthy], [5]);
        Assert.Multiple(() =>
        {
            Assert.That(with.Product.IsFinite, Is.True);
            Assert.That(with.Product.Modules[Adapters.Query].A, Is.EqualTo(without.Product.Modules[Adapters.Query].A));
            Assert.That(with.Product.Modules[Adapters.Query].B, Is.EqualTo(without.Product.Modules[Adapters.Query].B));
        });
    }

    [Test]
    public void A_NaN_of_a_client_that_counts_is_refused_by_name()
    {
        AdapterWeights poisoned = Adapters.One(1, 3);
        poisoned.Modules[Adapters.Query].B[2] = float.NaN;
        var error = Assert.Throws<InvalidInputException>(() => Contributions.Of([Adapters.One(2, 3), poisoned], [1, 1]));
        Assert.That(error.Message, Does.StartWith("adapter of client 1, model.layers.0.self_attn.q_proj: expected finite values"));
    }

    [Test]
    public void Adapters_of_different_bases_are_refused()
    {
        AdapterWeights[] adapters = [Adapters.One(1, 3), Adapters.One(2, 3, outFeatures: 7, inFeatures: 9)];
        var error = Assert.Throws<InvalidInputException>(() => Contributions.Of(adapters, [1, 1]));
        Assert.That(error.Message, Does.Contain("(out, in) = (9, 7)").And.Contain("got (7, 9)"));
    }

    [TestCase(3, new[] { 4, 8 }, null, "--ranks: expected one value or 3, one a client, got 2")]
    [TestCase(2, new[] { 4, -8 }, null, "--ranks: expected ranks of 0 or more, got -8")]
    [TestCase(2, new[] { 4 }, new[] { 1.0, 2, 3 }, "--alphas: expected one value or 2, one a client, got 3")]
    [TestCase(2, new[] { 4 }, new[] { 0.0 }, "--alphas: expected numbers above zero, got 0")]
    [TestCase(0, new[] { 4 }, null, "--clients: expected at least one client, got 0")]
    public void Clients_that_do_not_add_up_are_refused(int count, int[] ranks, double[]? alphas, string message)
    {
        int[][] partition = [.. Enumerable.Range(0, count).Select(k => new[] { k })];
        var error = Assert.Throws<InvalidInputException>(() => ClientSpecification.Create(partition, ranks, alphas));
        Assert.That(error.Message, Is.EqualTo(message));
    }

    [Test]
    public void Alphas_follow_the_ranks_unless_they_are_given()
    {
        int[][] partition = [[0], [1, 2]];
        double[] scaled = [.. ClientSpecification.Create(partition, [4, 8]).Select(c => c.Alpha)];
        double[] given = [.. ClientSpecification.Create(partition, [4], [3]).Select(c => c.Alpha)];
        Assert.Multiple(() =>
        {
            Assert.That(scaled, Is.EqualTo(new[] { 8.0, 16 }));
            Assert.That(given, Is.EqualTo(new[] { 3.0, 3 }));
        });
    }

    [Test]
    public void Methods_are_found_by_their_names()
    {
        foreach (IFederationMethod method in FederationMethods.All)
            Assert.That(FederationMethods.Find(method.Name), Is.TypeOf(method.GetType()));
        var error = Assert.Throws<InvalidInputException>(() => FederationMethods.Find("fedsgd"));
        Assert.Multiple(() =>
        {
            Assert.That(
                error.Message,
                Is.EqualTo("--method: expected flora, flora-unmerged, florist, fedavg, zero-padding, flexlora, fedex, local, centralized, full, "
                    + "fedavg-as-released, got fedsgd"));
            Assert.That(() => FederationMethods.FindAggregation("local"), Throws.TypeOf<InvalidInputException>());
            Assert.That(FederationMethods.FindAggregation("flora"), Is.TypeOf<FloraStacking>());
        });
    }

    [Test]
    public void Centralized_is_one_client_with_all_data_and_the_largest_rank()
    {
        var clients = ClientSpecification.Create([[4, 1], [2], [0, 3]], [2, 8, 4]);
        ClientSpecification whole = new CentralizedTraining().Admit(clients).Single();
        Assert.Multiple(() =>
        {
            Assert.That((whole.Id, whole.Rank, whole.Alpha), Is.EqualTo((0, 8, 16.0)));
            Assert.That(whole.Examples, Is.EqualTo(new[] { 0, 1, 2, 3, 4 }));
        });
    }

    [Test]
    public void Bytes_are_what_goes_over_the_wire_in_f32()
    {
        AdapterWeights[] adapters = [Adapters.One(1, 2), Adapters.One(2, 2)];
        long Down(string name) =>
            FederationMethods.FindAggregation(name).DownloadBytes(
                Adapters.Aggregate(FederationMethods.FindAggregation(name), adapters, [1, 1]), adapters[0]);
        Assert.Multiple(() =>
        {
            Assert.That(((IAggregationMethod)new FloraStacking()).UploadBytes(adapters[0]), Is.EqualTo(4 * 2 * (9 + 7)));
            Assert.That(Down("flora"), Is.EqualTo(4 * 4 * (9 + 7)));
            Assert.That(Down("flora-unmerged"), Is.EqualTo(4 * 4 * (9 + 7)));
            Assert.That(Down("fedavg"), Is.EqualTo(4 * 2 * (9 + 7)));
            Assert.That(Down("fedex"), Is.EqualTo(4 * (4 + 2) * (9 + 7)));
            Assert.That(new CentralizedTraining().UploadBytes(adapters[0]), Is.Zero);
        });
    }
}
