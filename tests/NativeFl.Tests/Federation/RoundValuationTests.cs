using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Federation;

/// <summary>The values of a federation's rounds, against the models that the rounds began and ended with.</summary>
public sealed class RoundValuationTests() : ModelTest("llama")
{
    /// <summary>The same sum in another order, and merged in f32, on losses of about 6 nats.</summary>
    private const double Rounding = 5e-5;

    private static readonly TokenizedExample[] Validation = FederationCases.Examples(6, seed: 77);

    [Test]
    public void Nobody_is_the_model_before_the_round_and_all_is_the_one_after_it_where_the_method_is_exact(
        [Values("flora", "flora-unmerged", "fedex", "fedavg", "zero-padding", "flexlora", "florist")] string method)
    {
        bool equal = method is "fedavg" or "fedex";
        FederationResult result = Run(Options(method, 2) with { Method = method == "florist" ? new Florist { Energy = 1 } : FederationMethods.Find(method) }, equal ? [4] : [4, 0, 8]);
        double before = result.InitialEvaluation!["loss"];
        foreach (RoundResult round in result.Rounds)
        {
            ClientValues values = round.Values!.Single();
            Assert.Multiple(() =>
            {
                Assert.That(values.Plan.Estimator, Is.EqualTo("exact"));
                Assert.That(values.Empty, Is.EqualTo(-before).Within(Rounding), $"round {round.Round}");
                if (method is "flora" or "flora-unmerged" or "fedex" or "florist") Assert.That(values.All, Is.EqualTo(-round.Evaluation!["loss"]).Within(Rounding), $"round {round.Round}");
                Assert.That(values.All, Is.Not.EqualTo(values.Empty).Within(10 * Rounding));
                Assert.That(values.Clients.Select(c => c.Id), Is.EqualTo(new[] { 0, 1, 2 }));
                Assert.That(values.Clients.Select(c => c.Weight), Is.EqualTo(new[] { 0.3, 0.2, 0.5 }).Within(1e-12));
                Assert.That(values.Clients.Sum(c => c.Value), Is.EqualTo(values.All!.Value - values.Empty!.Value).Within(1e-12));
                if (!equal) Assert.That(values.Clients[1].Value, Is.Zero, "rank 0 changes nothing");
                Assert.That(values.Operations, Is.LessThanOrEqualTo(values.Plan.Operations));
                Assert.That(values.Plan.Operations, Is.LessThanOrEqualTo(values.Plan.Budget));
                Assert.That(values.Plan.Budget, Is.EqualTo(9 * values.Plan.TrainingOperations!.Value).Within(1e-9).Percent);
            });
            before = round.Evaluation!["loss"];
        }
    }

    [Test]
    public void Clients_of_unequal_depth_have_values_under_both_kinds_of_weights([Values] Renormalization renormalization)
    {
        FederationOptions options = Options("flora", 1) with { Renormalization = renormalization };
        options = options with { Values = options.Values! with { Games = ClientGames.Both } };
        FederationResult result = Run(options, DepthCases.Clients([4, 3, 5], "a0 m0 a1", "", "m2"));
        IReadOnlyList<ClientValues> values = result.Rounds[0].Values!;
        Assert.That(values.Select(v => v.Game), Is.EqualTo(new[] { "fixed", "renormalised" }));
        Assert.That(values[0].All, Is.EqualTo(-result.Rounds[0].Evaluation!["loss"]).Within(Rounding));
        Assert.That(values[1].All, Is.EqualTo(values[0].All));
        Assert.That(values[1].Evaluations, Is.GreaterThan(0).And.LessThan(values[0].Evaluations), "nobody and all were measured for the first");
        Assert.That(values[1].Operations, Is.GreaterThan(0).And.LessThan(values[0].Operations));
        Assert.That(values.SelectMany(v => v.Clients).Select(c => c.Value), Is.Unique.And.All.Not.Zero);
    }

    [Test]
    public void A_client_that_diverged_or_was_not_drawn_has_no_value()
    {
        AdapterWeights broken = FederationCases.Adapter(11, 3);
        broken.Modules.Values.First().A[0] = float.NaN;
        var recorder = new FederationCases.Recorder();
        LocalWork work = FederationCases.Given((_, client) => client == 1 ? broken : FederationCases.Adapter(client, 3));
        var run = new FederatedRun(Model, Options("flora", 1), FederationCases.Clients(3), FederationCases.Examples(10), recorder, null, work);
        Assert.That(run.Run().Rounds[0].Values!.Single().Clients.Select(c => c.Id), Is.EqualTo(new[] { 0, 2 }));
        FederationResult drawn = Run(Options("flora", 1) with { ClientFraction = 0.7 }, [3]);
        Assert.That(drawn.Rounds[0].Values!.Single().Clients.Select(c => c.Id), Is.EqualTo(drawn.Rounds[0].Clients.Select(c => c.Id)));
        Assert.That(drawn.Rounds[0].Clients, Has.Count.EqualTo(2));
    }

    [Test]
    public void Weights_follow_the_values_and_stay_where_nobody_is_worth_anything()
    {
        AdapterWeights turned = new(FederationCases.Adapter(3, 3).Modules.ToDictionary(m => m.Key, m => m.Value with { Scaling = -m.Value.Scaling }));
        AdapterWeights[] adapters = [FederationCases.Adapter(1, 3), FederationCases.Adapter(2, 3), turned];
        FederationOptions options = Options("flora", 1);
        var recorder = new FederationCases.Recorder();
        LocalWork work = FederationCases.Given((_, client) => adapters[client]);
        FederationOptions following = options with { Values = options.Values! with { SetsWeights = true } };
        ClientValues values = new FederatedRun(Model, following, FederationCases.Clients(3), FederationCases.Examples(10), recorder, null, work).Run().Rounds[0].Values!.Single();
        double[] clipped = [.. values.Clients.Select(c => Math.Max(0, c.Value))];
        Assert.That(clipped, Has.Some.Zero.And.Some.GreaterThan(0), "a case that shows the clipping");
        AdapterWeights expected = Adapters.Aggregate(new FloraStacking(), adapters, clipped).Product;
        Assert.That(Finetuning.TrainingCases.Same(recorder.Rounds[0].Global!, expected));
        Assert.That(recorder.Rounds[0].Result.Exactness, Is.LessThan(1e-6), "against the weights that were used");

        using Transformer again = FederationCases.Model(Backend);
        var quiet = new FederationCases.Recorder();
        LocalWork nothing = FederationCases.Given((_, _) => Adapters.Of((new ModuleId(0, Projection.Query), Adapters.Factors(1, 3, 48, 48, 0))));
        new FederatedRun(again, following, FederationCases.Clients(3), FederationCases.Examples(10), quiet, null, nothing).Run();
        Assert.That(quiet.Warnings, Is.EqualTo(new[] { "round 1: no client has a value above 0; the weights stay those of the examples" }));
    }

    [Test]
    public void A_budget_that_allows_nothing_is_refused_before_the_run_with_what_it_takes()
    {
        FederationOptions options = Options("flora", 2, budget: 1e-3);
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(() => Plans(options))!;
        Assert.That(refusal.Message, Does.StartWith("--value-budget: expected at least "));
        double least = double.Parse(refusal.Message["--value-budget: expected at least ".Length..].Split(',')[0], System.Globalization.CultureInfo.InvariantCulture);
        Assert.That(() => Plans(Options("flora", 2, budget: least * 1.01)), Throws.Nothing);
        Assert.That(() => Plans(Options("flora", 2, budget: least * 0.9)), Throws.TypeOf<InvalidInputException>());
    }

    [Test]
    public void A_rounds_training_counts_steps_epochs_and_depth()
    {
        TokenizedExample[] examples = FederationCases.Examples(10);
        IReadOnlyList<ClientSpecification> clients = DepthCases.Clients([4, 0, 5], "a0 m0", "", "");
        FederationOptions options = Options("flora", 1) with { Training = new TrainingOptions { BatchSize = 2, Epochs = 2 } };
        double planned = new RoundValuation(options, Model.Config, examples).Plans([clients[0], clients[1], clients[2] with { Epochs = 1 }])[0].TrainingOperations!.Value;
        TokenizedExample[] Of(int k) => [.. clients[k].Examples.Select(i => examples[i])];
        long Values(ClientSpecification client) => LoraInitialisation.Create(Model.Config.Without(client.Dropped), new LoraOptions { Rank = client.Rank }, 1).ParameterCount;
        double expected = (2 * new PassOperations(Model.Config.Without(clients[0].Dropped)).Training(Of(0), Values(clients[0])))
            + new PassOperations(Model.Config).Training(Of(2), Values(clients[2]));
        Assert.That(planned, Is.EqualTo(expected).Within(1e-9).Percent);
    }

    [TestCase("local")]
    [TestCase("centralized")]
    [TestCase("full")]
    [TestCase("fedavg-as-released")]
    public void Methods_whose_model_is_no_sum_of_changes_are_refused(string method) => Assert.That(
        () => Options(method, 1).Validate(), Throws.TypeOf<InvalidInputException>().With.Message.Contains(method).And.Message.Contains("--value-clients"));

    private static FederationOptions Options(string method, int rounds, double budget = 9) => FederationCases.Options(method, rounds) with
    {
        Values = new ClientValueOptions { Validation = Validation, Budget = budget },
    };

    private IReadOnlyList<ClientValuePlan> Plans(FederationOptions options) =>
        new RoundValuation(options, Model.Config, FederationCases.Examples(10)).Plans(FederationCases.Clients(4));

    private FederationResult Run(FederationOptions options, int[] ranks) => Run(options, FederationCases.Clients(ranks));

    private FederationResult Run(FederationOptions options, IReadOnlyList<ClientSpecification> clients) =>
        new FederatedRun(Model, options, clients, FederationCases.Examples(10)).Run(server =>
        {
            using AdapterStack? stack = server.OpenStack();
            using var scorer = new TokenScorer(server.Base, stack, server.Weights);
            return new Dictionary<string, double> { ["loss"] = Perplexity.Measure(scorer, Validation).Loss };
        });
}
