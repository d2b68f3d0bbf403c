using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Federation;

/// <summary>A round in one call is the same as its clients trained one by one and aggregated by hand.</summary>
public sealed class FederationLawTests() : ModelTest("llama")
{
    // Clients that share a pass differ from clients alone by the order of additions; Adam may turn that into a sign near a zero gradient.
    private const double Rounding = 2e-3;

    [Test]
    public void One_round_of_FLoRA_is_K_trainings_and_an_aggregation()
    {
        using Transformer byHand = Model.Clone(), together = Model.Clone();
        TokenizedExample[] examples = FederationCases.Examples(10);
        FederationOptions options = FederationCases.Options("flora");
        IReadOnlyList<ClientSpecification> clients = FederationCases.Clients(4, 1, 9);
        FederationResult result = new FederatedRun(together, options, clients, examples).Run();

        AdapterWeights[] adapters =
        [
            .. clients.Select(c =>
            {
                ulong seed = options.SeedOf(1, c.Id);
                var initial = LoraInitialisation.Create(Model.Config, new LoraOptions { Rank = c.Rank, Alpha = c.Alpha }, seed);
                return DepthCases.Train(Model, c, initial, seed, examples, options);
            }),
        ];
        var aggregation = new AdapterAggregation(new FloraStacking(), adapters, [3, 2, 5]);
        aggregation.MergeInto(byHand, DType.F32);
        Assert.Multiple(() =>
        {
            Assert.That(FederationCases.Distance(together, byHand, Model), Is.LessThan(Rounding));
            Assert.That(result.Rounds[0].Exactness, Is.GreaterThan(0).And.LessThan(1e-6));
            Assert.That(aggregation.Exactness(Backend), Is.LessThan(1e-6));
            Assert.That(result.Rounds[0].Rounding, Is.GreaterThan(0).And.LessThan(1e-3));
        });
    }

    [Test]
    public void Two_rounds_of_FedAvg_are_trainings_that_go_on_from_the_average()
    {
        TokenizedExample[] examples = FederationCases.Examples(10);
        FederationOptions options = FederationCases.Options("fedavg", rounds: 2);
        IReadOnlyList<ClientSpecification> clients = FederationCases.Clients(4);
        var run = new FederatedRun(Model, options, clients, examples);
        AdapterWeights global = run.State.Global!;
        Assert.That(global.Modules.Values.All(f => f.B.All(b => b == 0)), "the common start changes nothing");
        run.Run();
        for (int round = 1; round <= 2; round++)
        {
            AdapterWeights[] adapters = [.. clients.Select(c => DepthCases.Train(Model, c, global, options.SeedOf(round, c.Id), examples, options))];
            global = Adapters.Aggregate(new FedAvg(), adapters, [3, 2, 5]).Global!;
        }

        Assert.That(Finetuning.TrainingCases.Distance(run.State.Global!, global), Is.LessThan(Rounding));
    }

    [Test]
    public void Centralized_is_one_training_on_all_data()
    {
        TokenizedExample[] examples = FederationCases.Examples(10);
        FederationOptions options = FederationCases.Options("centralized");
        var run = new FederatedRun(Model, options, FederationCases.Clients(4, 1, 9), examples);
        AdapterWeights start = run.State.Global!;
        run.Run();
        AdapterWeights alone = DepthCases.Train(Model, run.Clients.Single(), start, options.SeedOf(1, 0), examples, options);
        Assert.That(Finetuning.TrainingCases.Same(run.State.Global!, alone));
    }

    [Test]
    public void Full_fine_tuning_averages_all_weights()
    {
        using Transformer model = Model.Clone();
        TokenizedExample[] examples = FederationCases.Examples(10);
        FederationOptions options = FederationCases.Options("full");
        IReadOnlyList<ClientSpecification> clients = FederationCases.Clients(0);
        FederationResult result = new FederatedRun(model, options, clients, examples).Run();
        double[] expected = new double[Model.ReadTensor("model.norm.weight").Length];
        double[] table = new double[Model.ReadTensor("model.embed_tokens.weight").Length];
        foreach (ClientSpecification client in clients)
        {
            using Transformer copy = Model.Clone();
            new FullTrainer(copy).Train("", [.. client.Examples.Select(i => examples[i])], options.Training, options.SeedOf(1, client.Id));
            Add(copy.ReadTensor("model.norm.weight"), client.Examples.Count / 10.0, expected);
            Add(copy.ReadTensor("model.embed_tokens.weight"), client.Examples.Count / 10.0, table);
        }

        Assert.Multiple(() =>
        {
            Assert.That(model.ReadTensor("model.norm.weight"), Is.EqualTo(expected).Within(1e-6));
            Assert.That(model.ReadTensor("model.embed_tokens.weight"), Is.EqualTo(table).Within(1e-6));
            Assert.That(result.Rounds[0].Exactness, Is.Null);
            Assert.That(result.Rounds[0].Clients[0].UploadBytes, Is.EqualTo(4 * Model.Weights.ParameterCount));
        });
    }

    [Test]
    public void FLoRA_merged_and_beside_the_base_are_the_same_model_for_the_same_updates()
    {
        using Transformer merged = Model.Clone(), beside = Model.Clone();
        LocalWork work = FederationCases.Given((round, client) => FederationCases.Adapter((10 * round) + client, 7 + (9 * client)));
        Run("flora", merged, work);
        FederatedRun run = Run("flora-unmerged", beside, work);
        Assert.That(FederationCases.Distance(beside, Model, merged), Is.Zero, "the base is left alone");
        Assert.That(run.State.Beside!.Modules[new ModuleId(0, Projection.Query)].Rank, Is.EqualTo(48), "three rounds of 48 rows fold into 48");
        run.Model.Merge(DType.F32);
        Assert.That(FederationCases.Distance(beside, merged, Model), Is.LessThan(1e-5));
    }

    [Test]
    public void Clients_train_on_the_same_model_whether_the_stack_is_merged_or_beside_the_base()
    {
        using Transformer merged = Model.Clone(), beside = Model.Clone();
        TokenizedExample[] examples = FederationCases.Examples(10);
        IReadOnlyList<ClientSpecification> clients = FederationCases.Clients(4, 1, 9);
        FederationResult one = new FederatedRun(merged, FederationCases.Options("flora", rounds: 2), clients, examples).Run();
        var run = new FederatedRun(beside, FederationCases.Options("flora-unmerged", rounds: 2), clients, examples);
        FederationResult other = run.Run();
        run.Model.Merge(DType.F32);
        double[] losses = [.. one.Rounds[1].Clients.Select(c => c.Loss!.Value)];
        Assert.Multiple(() =>
        {
            Assert.That(other.Rounds[1].Clients.Select(c => c.Loss!.Value), Is.EqualTo(losses).Within(1e-4));
            Assert.That(FederationCases.Distance(beside, merged, Model), Is.LessThan(2 * Rounding), "of two rounds");
        });
    }

    [Test]
    public void FedEx_moves_the_model_exactly_as_FLoRA_in_its_first_round()
    {
        using Transformer flora = Model.Clone(), fedex = Model.Clone();
        LocalWork work = FederationCases.Given((round, client) => FederationCases.Adapter((10 * round) + client, 4));
        Run("flora", flora, work, rounds: 1, ranks: 4);
        FederatedRun run = Run("fedex", fedex, work, rounds: 1, ranks: 4);
        Assert.That(FederationCases.Distance(fedex, flora, Model), Is.GreaterThan(0.01), "the average is still beside the base");
        run.Model.Merge(DType.F32);
        Assert.That(FederationCases.Distance(fedex, flora, Model), Is.LessThan(1e-5));
    }

    private static FederatedRun Run(string method, Transformer model, LocalWork work, int rounds = 3, params int[] ranks)
    {
        ranks = ranks.Length == 0 ? [7, 16, 25] : ranks;
        var run = new FederatedRun(
            model, FederationCases.Options(method, rounds), FederationCases.Clients(ranks), FederationCases.Examples(10), null, null, work);
        run.Run();
        return run;
    }

    private static void Add(float[] values, double weight, double[] sums)
    {
        for (int i = 0; i < values.Length; i++) sums[i] += weight * values[i];
    }
}
