using CsCheck;
using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Federation;

/// <summary>Clients of unequal depth: each trains as it would alone on the smaller model, and what they come to is exact.</summary>
public sealed class UnequalDepthTests() : ModelTest("llama")
{
    [Test]
    public void The_stack_of_clients_of_any_depth_and_rank_is_their_weighted_sum([Values] Renormalization renormalization) =>
        Gen.Select(Gen.Select(Gen.Int[0, 5], Gen.Int[0, 15], Gen.Double[0.1, 50], Gen.Float[0.25f, 8]).Array[1, 5], Gen.Int[0, 1000]).Sample((clients, seed) =>
        {
            (ModuleId Module, int Out, int In)[] modules =
                [(new(0, Projection.Query), 9, 7), (new(0, Projection.Up), 5, 4), (new(1, Projection.Output), 3, 8), (new(1, Projection.Down), 6, 6)];
            AdapterWeights[] adapters = [.. clients.Select((client, k) => Adapters.Of(
                [.. modules.Where((_, m) => (client.Item2 >> m) % 2 == 0 && client.Item1 > 0)
                    .Select(m => (m.Module, Adapters.Factors(seed + (10 * k) + m.Module.Index, client.Item1, m.Out, m.In, client.Item4)))]))];
            double[] weights = [.. clients.Select(client => client.Item3)];
            AdapterWeights product = Adapters.Aggregate(new FloraStacking(), adapters, weights, renormalization).Product;
            return modules.All(m =>
            {
                bool[] trained = [.. adapters.Select(a => a.Modules.ContainsKey(m.Module))];
                if (!trained.Contains(true)) return !product.Modules.ContainsKey(m.Module);
                double total = weights.Where((_, k) => trained[k] || renormalization == Renormalization.None).Sum();
                double[,] expected = Adapters.WeightedSum(m.Module, m.Out, m.In, adapters, weights, total);
                double size = clients.Where((_, k) => trained[k]).Sum(c => c.Item3 / total * c.Item4 * c.Item1) * Math.Sqrt(m.Out * m.In);
                double error = expected.Cast<double>().Zip(Adapters.Dense(product.Modules[m.Module]).Cast<double>(), (x, y) => (x - y) * (x - y)).Sum();

                // Every weighted A is rounded once: 2⁻²⁴ of terms that are at most one.
                return Math.Sqrt(error) <= 1e-7 * size;
            });
        });

    [Test]
    public void A_client_trains_to_the_same_bits_as_alone_on_the_checkpoint_without_its_sublayers(
        [Values("flora", "flora-unmerged", "zero-padding", "flexlora", "local")] string method)
    {
        using var folder = new TemporaryFolder();
        TokenizedExample[] examples = FederationCases.Examples(10);
        FederationOptions options = FederationCases.Options(method) with { Training = new TrainingOptions { BatchSize = 2, LearningRate = 5e-3, Dropout = 0.1 } };
        IReadOnlyList<ClientSpecification> clients = DepthCases.Clients([4, 2, 6], "", "a2", "a0 m1 m2");
        var recorder = new FederationCases.Recorder();
        using Transformer run = Model.Clone();
        var federation = new FederatedRun(run, options, clients, examples, recorder);
        AdapterWeights? server = federation.State.Global;
        federation.Run();
        foreach (ClientSpecification client in clients)
        {
            string path = folder.At($"{client.Id}");
            Directory.CreateDirectory(path);
            using (Transformer view = Model.Without(client.Dropped)) view.Save(path, DType.F32, copyTokenizerFrom: null);
            using Transformer alone = Transformer.Load(Backend, path, DType.F32);
            Assert.That(alone.Weights.ParameterCount < Model.Weights.ParameterCount, Is.EqualTo(client.Id > 0));
            ulong seed = options.SeedOf(1, client.Id);
            var lora = new LoraOptions { Rank = client.Rank, Alpha = client.Alpha };
            AdapterWeights start = server is null ? LoraInitialisation.Create(alone.Config, lora, seed) : Cut(server, alone.Config, client.Rank);
            AdapterWeights adapter = DepthCases.Train(alone, client, start, seed, examples, options);
            Assert.That(Finetuning.TrainingCases.Same(recorder.Rounds[0].Clients[client.Id], adapter), $"client {client.Id}");
        }
    }

    [Test]
    public void Clients_of_one_depth_share_a_wave_and_the_order_of_all_stays()
    {
        TokenizedExample[] examples = FederationCases.Examples(10);
        ClientTask[] tasks = [.. DepthCases.Clients([4, 2, 6], "a2", "", "a2").Select(c => new ClientTask
        {
            Id = $"{c.Id}",
            Seed = 7,
            Examples = [.. c.Examples.Select(i => examples[i])],
            Initial = LoraInitialisation.Create(Model.Config.Without(c.Dropped), new LoraOptions { Rank = c.Rank }, 3),
            Dropped = c.Dropped,
        })];
        var passes = new List<int>();
        IReadOnlyList<ClientUpdate> updates = new AdapterTrainer(Model).Train(tasks, observer: new PassCounter(passes));
        Assert.That(passes.Distinct(), Is.EqualTo(new[] { 2, 1 }), "clients of a pass");
        Assert.That(updates.Select(u => u.Id), Is.EqualTo(new[] { "0", "1", "2" }));
        Assert.That(updates.Select(u => u.Adapter.Modules.Count), Is.EqualTo(new[] { 17, 21, 17 }));
    }

    [Test]
    public void A_task_whose_adapter_is_on_what_it_goes_without_is_refused()
    {
        var task = new ClientTask
        {
            Id = "a",
            Seed = 1,
            Examples = FederationCases.Examples(1),
            Initial = LoraInitialisation.Create(Model.Config, new LoraOptions { Rank = 1 }, 3),
            Dropped = DepthCases.Drops("m1"),
        };
        var error = Assert.Throws<InvalidInputException>(() => new AdapterTrainer(Model).Train([task]));
        Assert.That(error.Message, Does.Contain("model.layers.1.mlp.gate_proj").And.Contain("mlp 1, which is dropped"));
    }

    [TestCase(Renormalization.None, 3 / 10.0, 3 / 10.0)]
    [TestCase(Renormalization.Module, 3 / 10.0, 3 / 5.0)]
    public void Weights_are_by_hand_and_what_nobody_trained_stays(Renormalization renormalization, double everywhere, double partly)
    {
        // Client 2 with half of the records lacks MLP 1; nobody has attention 2.
        IReadOnlyList<ClientSpecification> clients = DepthCases.Clients([3, 1, 2], "a2", "a2", "a2 m1");
        using Transformer after = Model.Clone();
        RoundResult round = Run("flora", after, clients, renormalization);
        ModuleId shared = new(0, Projection.Key), some = new(1, Projection.Down), none = new(2, Projection.Value);
        AdapterWeights[] adapters = [.. clients.Select(c => DepthCases.Adapter(Model.Config, c.Dropped, c.Id, c.Rank))];
        double[,] Sum(ModuleId module, double first, params int[] ids) => ids.Aggregate(
            new double[Model.Config.ShapeOf(module.Projection).Out, Model.Config.ShapeOf(module.Projection).In],
            (sum, k) => Adapters.Add(sum, first * clients[k].Examples.Count / 3, adapters[k].Modules[module]));
        Assert.Multiple(() =>
        {
            Assert.That(Adapters.Distance(DepthCases.Change(Model, after, shared), Sum(shared, everywhere, 0, 1, 2)), Is.LessThan(1e-5));
            Assert.That(Adapters.Distance(DepthCases.Change(Model, after, some), Sum(some, partly, 0, 1)), Is.LessThan(1e-5));
            Assert.That(after.ReadTensor(none.Name + ".weight"), Is.EqualTo(Model.ReadTensor(none.Name + ".weight")));
            Assert.That(round.Exactness, Is.LessThan(1e-6));
        });
    }

    [TestCase("fedavg", Renormalization.Module)]
    [TestCase("fedex", Renormalization.Module)]
    [TestCase("zero-padding", Renormalization.None)]
    [TestCase("flexlora", Renormalization.None)]
    public void What_nobody_trained_stays_in_the_servers_adapter_and_counts_as_exact(string method, Renormalization renormalization)
    {
        IReadOnlyList<ClientSpecification> clients = DepthCases.Clients([3], "m2", "m2", "m2 a1");
        AdapterWeights start = Finetuning.TrainingCases.Adapter(Model.Config, 3, 9);
        FederationOptions options = FederationCases.Options(method) with { Renormalization = renormalization, Initial = start };
        using Transformer after = Model.Clone();
        var run = new FederatedRun(after, options, clients, FederationCases.Examples(10), null, null, Given(clients));
        double exactness = run.Run().Rounds[0].Exactness!.Value;
        ModuleId none = new(2, Projection.Gate);
        double[,] before = Adapters.Dense(start.Modules[none]), now = Adapters.Dense(run.State.Global!.Modules[none]);
        Assert.That(Adapters.Distance(now, before), Is.LessThan(1e-7));
        if (method == "fedex") Assert.That(exactness, Is.LessThan(1e-6));
    }

    [TestCase("fedavg", "--method fedavg: expected clients of one depth, or --renormalize module", "client 1 without attention 2")]
    [TestCase("fedex", "--method fedex: expected clients of one depth, or --renormalize module", "client 1 without attention 2")]
    [TestCase("full", "--method full: expected clients of whole depth", "client 1 without attention 2")]
    [TestCase("fedavg-as-released", "--method fedavg-as-released: expected clients of whole depth", "client 1 without attention 2")]
    public void Methods_that_cannot_are_refused_by_name(string method, params string[] says)
    {
        var error = Assert.Throws<InvalidInputException>(() => New(method, DepthCases.Clients([4], "", "a2", "")));
        foreach (string part in says) Assert.That(error.Message, Does.Contain(part));
    }

    [TestCase("fedavg", Renormalization.Module, "", "a2", "m0")]
    [TestCase("fedavg", Renormalization.None, "a2", "a2", "a2")]
    [TestCase("fedex", Renormalization.Module, "", "a2", "m0")]
    [TestCase("florist", Renormalization.None, "", "a2", "m0")]
    [TestCase("flexlora", Renormalization.Module, "", "a2", "m0")]
    [TestCase("zero-padding", Renormalization.None, "", "a2", "m0")]
    [TestCase("centralized", Renormalization.None, "", "a2", "m0")]
    [TestCase("local", Renormalization.None, "", "a2", "m0")]
    public void Every_other_method_learns(string method, Renormalization renormalization, params string[] drops)
    {
        FederatedRun run = New(method, DepthCases.Clients([4], drops), renormalization, rounds: 2);
        FederationResult result = run.Run(Loss);
        Assert.That(result.Rounds[^1].Evaluation!["loss"], Is.LessThan(result.InitialEvaluation!["loss"]));
        if (method == "centralized") Assert.That(run.State.Global!.Modules, Has.Count.EqualTo(21), "one client of whole depth");
        if (method == "local") Assert.That(run.State.Own.OrderBy(o => o.Key).Select(o => o.Value.Modules.Count), Is.EqualTo(new[] { 21, 17, 18 }));
    }

    [Test]
    public void Alone_every_client_is_measured_at_its_own_depth()
    {
        FederatedRun run = New("local", DepthCases.Clients([4], "a0 m0", "a0 m0", "a0 m0"));
        using Transformer view = Model.Without(DepthCases.Drops("a0 m0"));
        var seen = new List<double>();
        run.Run(server =>
        {
            seen.Add(Loss(server)["loss"]);
            return new Dictionary<string, double>();
        });
        AdapterWeights[] own = [.. run.State.Own.OrderBy(o => o.Key).Select(o => o.Value)];
        Assert.That(seen, Is.EqualTo([Loss(new ServerModel(Model, []))["loss"], .. own.Select(o => Loss(new ServerModel(view, [o]))["loss"])]));
    }

    [Test]
    public void A_client_sends_and_is_sent_only_what_its_sublayers_have()
    {
        IReadOnlyList<ClientSpecification> clients = DepthCases.Clients([3, 1, 2], "", "a2 m0", "m1");
        RoundResult round = Run("flora", Model, clients, Renormalization.None);
        long Bytes(int client, params int[] senders) => 4 * Model.Config.Without(clients[client].Dropped).Modules().Sum(module =>
        {
            (int outFeatures, int inFeatures) = Model.Config.ShapeOf(module.Projection);
            return (long)senders.Where(k => !clients[k].Dropped.Contains(module.Sublayer)).Sum(k => clients[k].Rank) * (outFeatures + inFeatures);
        });
        Assert.That(round.Clients.Select(c => c.UploadBytes), Is.EqualTo(new[] { Bytes(0, 0), Bytes(1, 1), Bytes(2, 2) }));
        Assert.That(round.Clients.Select(c => c.DownloadBytes), Is.EqualTo(Enumerable.Range(0, 3).Select(k => Bytes(k, 0, 1, 2))));
        Assert.That(round.Clients[1].DownloadBytes, Is.LessThan(round.Clients[0].DownloadBytes));
    }

    [TestCase("a0 a1 a2", null, "at least one attention layer kept, got all of them dropped for client 1")]
    [TestCase("a3", null, "a layer below 3, got attention 3 of client 1")]
    [TestCase("a0 a1", "model.layers.1.self_attn.q_proj", "one of the adapted layers kept, or rank 0, got none of them for client 1")]
    [TestCase("m0 m1 m2", "up_proj", "one of the adapted layers kept, or rank 0, got none of them for client 1")]
    public void Clients_with_nothing_to_run_or_train_are_refused(string drops, string? targets, string says)
    {
        FederationOptions options = FederationCases.Options("flora");
        if (targets is not null) options = options with { Lora = new LoraOptions { Targets = TargetModules.Parse(targets) } };
        IReadOnlyList<ClientSpecification> clients = DepthCases.Clients([4], "", drops, "");
        var error = Assert.Throws<InvalidInputException>(() => _ = new FederatedRun(Model, options, clients, FederationCases.Examples(10)));
        Assert.That(error.Message, Does.StartWith("--client-drops: expected").And.Contain(says));
    }

    private RoundResult Run(string method, Transformer model, IReadOnlyList<ClientSpecification> clients, Renormalization renormalization) => new FederatedRun(
        model, FederationCases.Options(method) with { Renormalization = renormalization }, clients, FederationCases.Examples(10), null, null, Given(clients)).Run().Rounds[0];

    /// <summary>Clients that hand in factors on all that they keep.</summary>
    private LocalWork Given(IReadOnlyList<ClientSpecification> clients) =>
        FederationCases.Given((_, client) => DepthCases.Adapter(Model.Config, clients[client].Dropped, client, clients[client].Rank));

    private FederatedRun New(
        string method, IReadOnlyList<ClientSpecification> clients, Renormalization renormalization = Renormalization.None, int rounds = 1) =>
        new(Model, FederationCases.Options(method, rounds) with { Renormalization = renormalization }, clients, FederationCases.Examples(10));

    private static Dictionary<string, double> Loss(ServerModel server)
    {
        using AdapterStack? stack = server.OpenStack();
        using var scorer = new TokenScorer(server.Base, stack, server.Weights);
        return new() { ["loss"] = scorer.Losses(FederationCases.Examples(10)).SelectMany(l => l).Average() };
    }

    private static AdapterWeights Cut(AdapterWeights adapter, ModelConfig config, int rank) => Adapters.Of(
        [.. adapter.Modules.Where(m => config.Modules().Contains(m.Key)).Select(m => (m.Key, m.Value with
        {
            Rank = rank,
            A = m.Value.A[..(rank * m.Value.InFeatures)],
            B = m.Value.B[..(rank * m.Value.OutFeatures)],
        }))]);

    private sealed class PassCounter(List<int> clients) : ITrainingObserver
    {
        public void OnStep(TrainingStep step)
        {
        }

        public void OnPass(int step, AdapterStack? stack) => clients.Add(stack!.Count);
    }
}
