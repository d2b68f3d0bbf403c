using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Federation;

public sealed class AveragingTests
{
    private const double Tolerance = 1e-6;

    private static readonly double[] Sizes = [10, 30, 60];

    [Test]
    public void FedAvg_averages_A_and_B_each_by_itself()
    {
        AdapterWeights[] adapters = [Adapters.One(1, 3), Adapters.One(2, 3), Adapters.One(3, 3)];
        LoraFactors average = Adapters.Aggregate(new FedAvg(), adapters, Sizes).Global!.Modules[Adapters.Query];
        LoraFactors[] factors = [.. adapters.Select(a => a.Modules[Adapters.Query])];
        Assert.Multiple(() =>
        {
            Assert.That(average.A, Is.EqualTo(Mean([.. factors.Select(f => f.A)])).Within(1e-6));
            Assert.That(average.B, Is.EqualTo(Mean([.. factors.Select(f => f.B)])).Within(1e-6));
            Assert.That(average.Scaling, Is.EqualTo(2));
            Assert.That(average.Rank, Is.EqualTo(3));
        });
    }

    [Test]
    public void FedAvg_of_clients_that_agree_changes_nothing()
    {
        AdapterWeights adapter = Adapters.Two(5, 4);
        AdapterWeights average = Adapters.Aggregate(new FedAvg(), [adapter, adapter, adapter], Sizes).Global!;
        foreach ((ModuleId module, LoraFactors factors) in adapter.Modules)
            Assert.That(Adapters.Distance(Adapters.Dense(average.Modules[module]), Adapters.Dense(factors)), Is.LessThan(Tolerance));
    }

    [Test]
    public void FedAvg_brings_scalings_that_differ_to_one()
    {
        // Client 1 says the same as client 0 in other units: s B is what counts.
        LoraFactors first = Adapters.Factors(1, 3, 9, 7, 2);
        LoraFactors second = first with { Scaling = 4, B = [.. first.B.Select(b => b / 2)] };
        Aggregation aggregation =
            Adapters.Aggregate(new FedAvg(), [Adapters.Of((Adapters.Query, first)), Adapters.Of((Adapters.Query, second))], [1, 1]);
        Assert.That(
            Adapters.Distance(Adapters.Dense(aggregation.Global!.Modules[Adapters.Query]), Adapters.Dense(first)), Is.LessThan(Tolerance));
    }

    [Test]
    public void FedAvg_as_released_returns_the_first_clients_share_of_both_factors()
    {
        AdapterWeights[] adapters = [Adapters.One(1, 3), Adapters.One(2, 3), Adapters.One(3, 3)];
        LoraFactors released = Adapters.Aggregate(new FedAvgAsReleased(), adapters, Sizes).Global!.Modules[Adapters.Query];
        LoraFactors first = adapters[0].Modules[Adapters.Query];
        Assert.Multiple(() =>
        {
            Assert.That(released.A, Is.EqualTo(first.A.Select(a => (float)(0.1 * a))).Within(1e-7f));
            Assert.That(released.B, Is.EqualTo(first.B.Select(b => (float)(0.1 * b))).Within(1e-7f));
        });
    }

    [Test]
    public void Zero_padding_averages_row_by_row_and_keeps_the_scaling()
    {
        AdapterWeights small = Adapters.One(1, 2), large = Adapters.One(2, 5);
        LoraFactors average = Adapters.Aggregate(new ZeroPaddingFedAvg(), [small, large], [1, 3]).Global!.Modules[Adapters.Query];
        LoraFactors a = small.Modules[Adapters.Query], b = large.Modules[Adapters.Query];
        for (int i = 0; i < 5 * 7; i++)
        {
            double expected = (i < a.A.Length ? 0.25 * a.A[i] : 0) + (0.75 * b.A[i]);
            Assert.That(average.A[i], Is.EqualTo(expected).Within(1e-6));
        }

        for (int i = 0; i < 5 * 9; i++)
        {
            double expected = (i < a.B.Length ? 0.25 * a.B[i] : 0) + (0.75 * b.B[i]);
            Assert.That(average.B[i], Is.EqualTo(expected).Within(1e-6));
        }

        Assert.That((average.Rank, average.Scaling), Is.EqualTo((5, 2f)));
    }

    [Test]
    public void Zero_padding_of_equal_ranks_is_FedAvg()
    {
        AdapterWeights[] adapters = [Adapters.Two(1, 3), Adapters.Two(2, 3)];
        AdapterWeights padded = Adapters.Aggregate(new ZeroPaddingFedAvg(), adapters, [1, 3]).Global!;
        AdapterWeights plain = Adapters.Aggregate(new FedAvg(), adapters, [1, 3]).Global!;
        foreach ((ModuleId module, LoraFactors factors) in plain.Modules)
        {
            Assert.That(padded.Modules[module].A, Is.EqualTo(factors.A));
            Assert.That(padded.Modules[module].B, Is.EqualTo(factors.B));
        }
    }

    [Test]
    public void Rows_that_no_client_of_the_round_has_stay_as_they_were()
    {
        AdapterWeights before = Adapters.One(9, 5), small = Adapters.One(1, 2);
        LoraFactors old = before.Modules[Adapters.Query], now = small.Modules[Adapters.Query];
        LoraFactors after = new ZeroPaddingFedAvg()
            .Aggregate(Contributions.Of([small], [1]), new ServerState { Global = before }).Global!.Modules[Adapters.Query];
        Assert.Multiple(() =>
        {
            Assert.That(after.A[..14], Is.EqualTo(now.A));
            Assert.That(after.A[14..], Is.EqualTo(old.A[14..]));
            Assert.That(after.B[18..], Is.EqualTo(old.B[18..]));
        });
    }

    [Test]
    public void A_client_goes_on_from_the_first_rows_with_the_same_product()
    {
        LoraFactors server = Adapters.Factors(1, 5, 9, 7, 2);
        LoraFactors cut = FactorAverage.Cut(server, 3, 4);
        LoraFactors rows = server with { Rank = 3, A = server.A[..21], B = server.B[..27] };
        Assert.Multiple(() =>
        {
            Assert.That(cut.A, Is.EqualTo(rows.A));
            Assert.That(cut.Scaling, Is.EqualTo(4));
            Assert.That(Adapters.Distance(Adapters.Dense(cut), Adapters.Dense(rows)), Is.LessThan(1e-7));
        });
    }

    [Test]
    public void FedEx_and_FLoRA_are_the_same_model_after_a_round()
    {
        AdapterWeights[] adapters = [Adapters.Two(1, 3, 2), Adapters.Two(2, 3, 0.5f), Adapters.Two(3, 3, 2)];
        Aggregation fedex = Adapters.Aggregate(new FedExLora(), adapters, Sizes);
        AdapterWeights flora = Adapters.Aggregate(new FloraStacking(), adapters, Sizes).Product;
        AdapterWeights warm = Adapters.Aggregate(new FedAvg(), adapters, Sizes).Global!;
        foreach ((ModuleId module, LoraFactors stack) in flora.Modules)
        {
            var model = new double[stack.OutFeatures, stack.InFeatures];
            foreach (AdapterWeights part in fedex.Applied) Adapters.Add(model, 1, part.Modules[module]);
            Assert.That(Adapters.Distance(model, Adapters.Dense(stack)), Is.LessThan(Tolerance));
            Assert.That(fedex.Global!.Modules[module].A, Is.EqualTo(warm.Modules[module].A));
        }
    }

    [Test]
    public void Unequal_ranks_are_refused_where_they_cannot_be_averaged(
        [Values("fedavg", "fedex", "fedavg-as-released")] string name)
    {
        IAggregationMethod method = FederationMethods.FindAggregation(name);
        var byModule = Assert.Throws<InvalidInputException>(
            () => Adapters.Aggregate(method, [Adapters.One(1, 2), Adapters.One(2, 4)], [1, 1]));
        var missing = Assert.Throws<InvalidInputException>(
            () => Adapters.Aggregate(method, [Adapters.One(1, 2), Adapters.Empty], [1, 1]));
        var clients = ClientSpecification.Create([[0], [1]], [4, 8]);
        var bySpecification = Assert.Throws<InvalidInputException>(() => method.Admit(clients));
        Assert.Multiple(() =>
        {
            Assert.That(byModule.Message, Does.StartWith($"--method {name}: expected clients of equal rank").And.Contain("ranks 2 and 4"));
            Assert.That(missing.Message, Does.Contain("ranks 0 and 2"));
            Assert.That(bySpecification.Message, Does.Contain("ranks 4, 8").And.Contain("zero-padding"));
        });
    }

    [Test]
    public void Modules_that_some_did_not_train_average_over_those_that_did_when_asked()
    {
        AdapterWeights both = Adapters.Two(1, 2), one = Adapters.One(2, 2);
        AdapterWeights average = Adapters.Aggregate(new FedAvg(), [both, one], [1, 3], Renormalization.Module).Global!;
        Assert.That(average.Modules[Adapters.Down].A, Is.EqualTo(both.Modules[Adapters.Down].A));
    }

    private static float[] Mean(float[][] values) =>
        [.. Enumerable.Range(0, values[0].Length).Select(i => (float)((0.1 * values[0][i]) + (0.3 * values[1][i]) + (0.6 * values[2][i])))];
}
