using System.Text.Json.Nodes;
using CsCheck;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Federation;

public sealed class FederatedRunTests() : ModelTest("llama")
{
    [Test]
    public void Every_method_runs_and_reports_its_rounds(
        [Values("flora", "flora-unmerged", "fedavg", "zero-padding", "fedex", "local", "centralized", "full", "fedavg-as-released")] string method)
    {
        var recorder = new FederationCases.Recorder();
        bool equal = method is "fedavg" or "fedex" or "fedavg-as-released";
        var run = new FederatedRun(
            Model, FederationCases.Options(method, rounds: 2), FederationCases.Clients(equal ? [4] : [4, 0, 8]),
            FederationCases.Examples(10), recorder);
        double norm = Norm(Model);
        var losses = new List<double>();
        FederationResult result = run.Run(server =>
        {
            using AdapterStack? stack = server.OpenStack();
            using var scorer = new TokenScorer(server.Base, stack, server.Weights);
            losses.Add(scorer.Losses(FederationCases.Examples(10)).SelectMany(l => l).Average());
            return new Dictionary<string, double> { ["loss"] = losses[^1] };
        });
        bool isBaseChanged = Norm(Model) != norm;
        double before = result.InitialEvaluation!["loss"], after = result.Rounds[^1].Evaluation!["loss"];
        Assert.Multiple(() =>
        {
            Assert.That(result.Method, Is.EqualTo(method));
            Assert.That(recorder.Started, Is.EqualTo(new[] { 1, 2 }));
            Assert.That(recorder.Rounds.Select(r => r.Result), Is.EqualTo(result.Rounds));
            Assert.That(after, Is.LessThan(before), "training data is learnt");
            Assert.That(result.Rounds.All(r => r.Clients.All(c => c.Rank == 0 || c.Loss > 0)));
            Assert.That(result.Rounds[0].Exactness is null, Is.EqualTo(method is "local" or "full"));
            if (method is "flora" or "flora-unmerged" or "fedex" or "centralized")
                Assert.That(result.Rounds.Max(r => r.Exactness), Is.LessThan(1e-6));
            if (method is "fedavg" or "fedavg-as-released") Assert.That(result.Rounds[1].Exactness, Is.GreaterThan(1e-3));
            Assert.That(recorder.Rounds.Select(r => r.State.BaseRound), Is.EqualTo(isBaseChanged ? new[] { 1, 2 } : [0, 0]));
            Assert.That(isBaseChanged, Is.EqualTo(method is "flora" or "fedex" or "full"));
            Assert.That(recorder.Warnings, Is.Empty);
        });
    }

    [Test]
    public void A_round_in_which_nobody_trains_leaves_the_base_alone()
    {
        var run = new FederatedRun(
            Model, FederationCases.Options("flora", rounds: 2), FederationCases.Clients(3), FederationCases.Examples(10), null, null,
            FederationCases.Given((round, client) => round == 1 ? FederationCases.Adapter(client, 3) : Aggregation.None.Product));
        run.Run();
        Assert.That((run.State.Round, run.State.BaseRound), Is.EqualTo((2, 1)));
    }

    [Test]
    public void Clients_without_a_rank_count_in_the_weights_and_train_nothing()
    {
        var seen = new List<ClientTask>();
        var run = new FederatedRun(
            Model, FederationCases.Options("flora"), FederationCases.Clients(3, 0, 5), FederationCases.Examples(10), new FederationCases.Recorder(),
            null, FederationCases.Given((_, client) => FederationCases.Adapter(client, 3), seen));
        RoundResult round = run.Run().Rounds[0];
        Assert.Multiple(() =>
        {
            Assert.That(seen.Select(t => t.Id), Is.EqualTo(new[] { "0", "2" }));
            Assert.That(round.Clients.Select(c => c.Steps), Is.EqualTo(new[] { 2, 0, 2 }));
            Assert.That(round.Clients.Select(c => c.Loss), Is.EqualTo(new double?[] { 1.5, null, 1.5 }));
            Assert.That(round.Clients[1].UploadBytes, Is.Zero);
            Assert.That(round.Clients[0].UploadBytes, Is.EqualTo(4 * 3 * (48 + 48 + 48 + 112)));
            Assert.That(round.Clients[1].DownloadBytes, Is.EqualTo(4 * 6 * (48 + 48 + 48 + 112)));
        });
    }

    [Test]
    public void A_client_may_train_for_longer_than_the_others()
    {
        IReadOnlyList<ClientSpecification> clients =
            [.. FederationCases.Clients(3).Select(c => c.Id == 1 ? c with { Epochs = 3 } : c)];
        RoundResult round = new FederatedRun(Model, FederationCases.Options("flora"), clients, FederationCases.Examples(10)).Run().Rounds[0];
        Assert.That(round.Clients.Select(c => c.Steps), Is.EqualTo(new[] { 2, 3, 3 }));
    }

    [Test]
    public void A_stopped_run_resumes_to_the_same_bits([Values("flora", "flora-unmerged", "fedavg", "local")] string method)
    {
        using var folder = new TemporaryFolder();
        using Transformer other = Model.Clone();
        FederatedRun whole = New(Model, method, rounds: 3, null);
        whole.Run();
        FederatedRun first = New(other, method, rounds: 1, null);
        first.Run();
        FederationCheckpoint.Save(folder.Root, first.State);
        FederatedRun second = New(other, method, rounds: 3, FederationCheckpoint.Load(folder.Root, other.Config));
        Assert.That(second.Run().Rounds.Select(r => r.Round), Is.EqualTo(new[] { 2, 3 }));
        Assert.That(other.ReadTensor("model.layers.1.mlp.up_proj.weight"), Is.EqualTo(Model.ReadTensor("model.layers.1.mlp.up_proj.weight")));
        foreach ((AdapterWeights a, AdapterWeights b) in whole.State.Adapters.Zip(second.State.Adapters))
            Assert.That(Finetuning.TrainingCases.Same(a, b));
        Assert.That(second.State.Adapters, Has.Count.EqualTo(whole.State.Adapters.Count));
        foreach ((int id, AdapterWeights own) in whole.State.Own) Assert.That(Finetuning.TrainingCases.Same(own, second.State.Own[id]));
    }

    [Test]
    public void Zero_padding_gives_every_client_the_first_rows_of_the_servers_adapter()
    {
        var seen = new List<ClientTask>();
        var run = new FederatedRun(
            Model, FederationCases.Options("zero-padding"), FederationCases.Clients(2, 8, 4), FederationCases.Examples(10), null, null,
            FederationCases.Given((_, client) => FederationCases.Adapter(client, 2), seen));
        AdapterWeights server = run.State.Global!;
        run.Run();
        foreach ((ClientTask task, int rank) in seen.Zip([2, 8, 4]))
        {
            foreach ((ModuleId module, LoraFactors factors) in task.Initial.Modules)
            {
                Assert.That(factors.Rank, Is.EqualTo(rank));
                Assert.That(factors.A, Is.EqualTo(server.Modules[module].A[..(rank * factors.InFeatures)]));
            }
        }
    }

    [Test]
    public void The_draw_of_clients_has_the_right_size_and_does_not_depend_on_their_order() =>
        Gen.Select(Gen.Int[1, 12], Gen.Double[0.01, 1], Gen.ULong, Gen.Int[1, 5]).Sample((count, fraction, seed, round) =>
        {
            var options = new FederationOptions { ClientFraction = fraction, Seed = seed };
            IReadOnlyList<ClientSpecification> clients =
                ClientSpecification.Create([.. Enumerable.Range(0, count).Select(k => new[] { k })], [4]);
            int[] drawn = [.. options.Select(clients, round).Select(c => c.Id)];
            int[] again = [.. options.Select([.. clients.Reverse()], round).Select(c => c.Id)];
            int size = Math.Max(1, (int)Math.Floor((fraction * count) + 0.5));
            return drawn.SequenceEqual(again) && drawn.SequenceEqual(drawn.Distinct().Order()) && drawn.Length == size;
        });

    [Test]
    public void Every_client_is_drawn_as_often_as_any_other()
    {
        var options = new FederationOptions { ClientFraction = 0.3, Seed = 4 };
        IReadOnlyList<ClientSpecification> clients =
            ClientSpecification.Create([.. Enumerable.Range(0, 10).Select(k => new[] { k })], [4]);
        int[] counts = new int[10];
        foreach (int id in Enumerable.Range(1, 1000).SelectMany(round => options.Select(clients, round)).Select(c => c.Id)) counts[id]++;

        // Binomial(1000, 0.3): mean 300, standard deviation 14.5; five of them.
        Assert.That(counts, Is.All.InRange(228, 372));
    }

    [Test]
    public void Seeds_differ_between_clients_and_rounds()
    {
        var options = new FederationOptions { Seed = 9 };
        ulong[] seeds = [.. from round in Enumerable.Range(1, 20) from client in Enumerable.Range(0, 50) select options.SeedOf(round, client)];
        Assert.That(seeds, Is.Unique);
        Assert.That(options.SeedOf(3, 2), Is.EqualTo(Philox.Derive(Philox.Derive(9, 3), 2) >> 11));
        Assert.That(seeds, Is.All.LessThan(1UL << 53), "a double holds them all");
    }

    [Test]
    public void Options_that_cannot_run_are_refused_by_flag()
    {
        AdapterWeights start = LoraInitialisation.Create(Model.Config, new LoraOptions { Rank = 8 }, 1);
        Assert.Multiple(() =>
        {
            Refused(FederationCases.Options("flora") with { Rounds = 0 }, "--rounds: expected at least 1, got 0");
            Refused(FederationCases.Options("flora") with { ClientFraction = 0 }, "--client-fraction: expected above 0, at most 1, got 0");
            Refused(FederationCases.Options("flora") with { ClientFraction = double.NaN }, "--client-fraction");
            Refused(FederationCases.Options("flora") with { Initial = start }, "--init-adapter: expected a method that goes on");
            Refused(FederationCases.Options("fedavg") with { Initial = start }, "--ranks: expected a largest rank of 8");
        });
    }

    [Test]
    public void The_partition_file_says_who_had_what_and_which_seeds()
    {
        FederationOptions options = FederationCases.Options("flora", rounds: 2, seed: ulong.MaxValue);
        using var stream = new MemoryStream();
        PartitionFile.Write(stream, options, FederationCases.Clients(2, 8, 4), FederationCases.Examples(10));
        JsonNode json = JsonNode.Parse(stream.ToArray())!;
        JsonNode client = json["clients"]![1]!;
        Assert.Multiple(() =>
        {
            Assert.That(json["seed"]!.GetValue<ulong>(), Is.EqualTo(ulong.MaxValue));
            Assert.That(client["id"]!.GetValue<int>(), Is.EqualTo(1));
            Assert.That(client["rank"]!.GetValue<int>(), Is.EqualTo(8));
            Assert.That(client["alpha"]!.GetValue<double>(), Is.EqualTo(16));
            Assert.That(client["seeds"]!.AsArray().Select(s => s!.GetValue<ulong>()), Is.EqualTo(new[] { options.SeedOf(1, 1), options.SeedOf(2, 1) }));
            Assert.That(client["records"]!.AsArray().Select(s => s!.GetValue<string>()), Is.EqualTo(new[] { "r1", "r2" }));
        });
    }

    private static double Norm(Transformer model) => model.Weights.Layout.Parameters.Sum(p => model.ReadTensor(p.Name).Sum(x => (double)x * x));

    private void Refused(FederationOptions options, string message)
    {
        var error = Assert.Throws<InvalidInputException>(
            () => _ = new FederatedRun(Model, options, FederationCases.Clients(4), FederationCases.Examples(10)));
        Assert.That(error.Message, Does.StartWith(message));
    }

    private static FederatedRun New(Transformer model, string method, int rounds, ServerState? resume) =>
        new(
            model, FederationCases.Options(method, rounds) with { ClientFraction = 0.7 }, FederationCases.Clients(3), FederationCases.Examples(10),
            resume: resume);
}
