using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Federation;

/// <summary>A client whose training went wrong is dropped from the round, never averaged in, whatever it shows by.</summary>
public sealed class DivergenceTests() : ModelTest("llama")
{
    /// <summary>What an update shows its failure by: the trainer says so, a loss is not finite, one trained value is not finite.</summary>
    public enum Sign
    {
        Said,
        Loss,
        Value,
    }

    [Test]
    public void An_adapter_is_left_out_and_the_others_share_its_weight([Values] Sign sign)
    {
        var recorder = new FederationCases.Recorder();
        Run("flora", 1, recorder, AdapterWork((_, client) => client == 1 ? sign : null));
        RoundArtefacts round = recorder.Rounds.Single();
        AdapterWeights expected = Adapters.Aggregate(
            new FloraStacking(), [FederationCases.Adapter(10, 3), FederationCases.Adapter(12, 3)], [3, 5]).Product;
        Assert.Multiple(() =>
        {
            Assert.That(Finetuning.TrainingCases.Same(round.Global!, expected));
            Assert.That(round.Clients.Keys, Is.EquivalentTo(new[] { 0, 2 }));
            Assert.That(round.Result.Clients.Select(c => c.Dropped), Is.EqualTo(new[] { false, true, false }));
            Assert.That(round.Result.Clients[1].Loss, Is.EqualTo(sign == Sign.Loss ? null : (double?)1.5));
            Assert.That(recorder.Warnings, Is.EqualTo(new[] { Dropped(1, 1) }));
        });
    }

    [Test]
    public void A_client_of_its_own_goes_on_from_its_last_good_adapter([Values] Sign sign)
    {
        var recorder = new FederationCases.Recorder();
        var seen = new List<ClientTask>();
        FederatedRun run = Run("local", 3, recorder, AdapterWork((round, client) => (round, client) is (2, 1) or (1, 2) ? sign : null, seen));
        ClientTask[] lastRound = [.. seen.Skip(6)];
        Assert.Multiple(() =>
        {
            Assert.That(recorder.Rounds.Select(r => r.State.Own.Keys.Order()), Is.EqualTo(new int[][] { [0, 1], [0, 1, 2], [0, 1, 2] }));
            Assert.That(Finetuning.TrainingCases.Same(recorder.Rounds[1].State.Own[1], FederationCases.Adapter(11, 3)), "of round 1");
            Assert.That(Finetuning.TrainingCases.Same(lastRound[0].Initial, FederationCases.Adapter(20, 3)));
            Assert.That(Finetuning.TrainingCases.Same(lastRound[1].Initial, FederationCases.Adapter(11, 3)));
            Assert.That(Finetuning.TrainingCases.Same(run.State.Own[1], FederationCases.Adapter(31, 3)));
            Assert.That(seen[5].Initial.Modules.Values.SelectMany(f => f.B), Is.All.Zero, "client 2 starts anew in round 2");
            Assert.That(recorder.Rounds[1].Clients.Keys, Is.EquivalentTo(new[] { 0, 2 }));
            Assert.That(
                recorder.Rounds.SelectMany(r => r.Result.Clients.Where(c => c.Dropped).Select(c => (r.Result.Round, c.Id))),
                Is.EqualTo(new[] { (1, 2), (2, 1) }));
            Assert.That(recorder.Warnings, Is.EqualTo(new[] { Dropped(1, 2), Dropped(2, 1) }));
        });
    }

    [Test]
    public void A_whole_model_is_left_out_of_the_average([Values] Sign sign)
    {
        var recorder = new FederationCases.Recorder();
        Run("full", 1, recorder, WeightWork(client => client == 1 ? sign : null));
        Assert.Multiple(() =>
        {
            foreach (ModelParameter parameter in Model.Weights.Layout.Parameters)
            {
                // Clients 0 and 2 end with all weights 1 and 3, of 3 and 5 examples.
                Assert.That(Model.ReadTensor(parameter.Name), Is.All.EqualTo(((3 * 1) + (5 * 3)) / 8f), parameter.Name);
            }

            Assert.That(recorder.Rounds.Single().Result.Clients.Select(c => c.Dropped), Is.EqualTo(new[] { false, true, false }));
            Assert.That(recorder.Warnings, Is.EqualTo(new[] { Dropped(1, 1) }));
        });
    }

    [TestCase("flora")]
    [TestCase("fedavg")]
    [TestCase("local")]
    [TestCase("full")]
    public void Where_every_client_diverges_the_run_ends_and_the_base_is_as_it_was(string method)
    {
        using Transformer before = Model.Clone();
        var recorder = new FederationCases.Recorder();
        LocalWork work = AdapterWork((_, _) => Sign.Value) with { Weights = WeightWork(_ => Sign.Value).Weights };
        var error = Assert.Throws<RunFailedException>(() => Run(method, 1, recorder, work));
        Assert.Multiple(() =>
        {
            Assert.That(error.Message, Is.EqualTo("round 1: every client diverged"));
            Assert.That(recorder.Warnings, Has.Count.EqualTo(3));
            Assert.That(recorder.Rounds, Is.Empty);
            foreach (ModelParameter parameter in Model.Weights.Layout.Parameters)
                Assert.That(Model.ReadTensor(parameter.Name), Is.EqualTo(before.ReadTensor(parameter.Name)), parameter.Name);
        });
    }

    [TestCase("flora")]
    [TestCase("local")]
    [TestCase("full")]
    public void A_learning_rate_that_explodes_ends_the_run(string method)
    {
        FederationOptions options = FederationCases.Options(method) with
        {
            Training = new TrainingOptions { BatchSize = 2, LearningRate = 1e30, Epochs = 5 },
        };
        var run = new FederatedRun(Model, options, FederationCases.Clients(4), FederationCases.Examples(10));
        var error = Assert.Throws<RunFailedException>(() => run.Run());
        Assert.That(error.Message, Is.EqualTo("round 1: every client diverged"));
    }

    private static string Dropped(int round, int client) => $"round {round}: client {client} diverged after 2 steps and is left out of the round";

    private FederatedRun Run(string method, int rounds, FederationCases.Recorder recorder, LocalWork work)
    {
        var run = new FederatedRun(
            Model, FederationCases.Options(method, rounds), FederationCases.Clients(3), FederationCases.Examples(10), recorder, null, work);
        run.Run();
        return run;
    }

    /// <summary>Client k of round t returns adapter 10 t + k, with what is wrong with it.</summary>
    private static LocalWork AdapterWork(Func<int, int, Sign?> sign, List<ClientTask>? seen = null)
    {
        LocalWork given = FederationCases.Given((round, client) => FederationCases.Adapter((10 * round) + client, 3), seen);
        return given with
        {
            Adapters = (round, tasks, beside, cancellation) =>
                [.. given.Adapters(round, tasks, beside, cancellation).Select(u => Wrong(u, sign(round, Number(u.Id))))],
        };
    }

    /// <summary>Client k ends with all weights 1 + k, with what is wrong with it.</summary>
    private static LocalWork WeightWork(Func<int, Sign?> sign) => new(
        (_, _, _, _) => throw new InvalidOperationException("no adapters are trained here"),
        (_, copy, id, _, _, _, _) =>
        {
            int client = Number(id);
            copy.Weights.Fill((parameter, first, rows) =>
            {
                rows.Span.Fill(1 + client);
                if (sign(client) == Sign.Value && parameter.Name == "model.norm.weight") rows.Span[^1] = float.NaN;
            });
            var update = new ClientUpdate(id, Aggregation.None.Product, [2.0, 1.0], 10, Diverged: false);
            return sign(client) == Sign.Value ? update : Wrong(update, sign(client));
        });

    private static ClientUpdate Wrong(ClientUpdate update, Sign? sign)
    {
        switch (sign)
        {
            case Sign.Said:
                return update with { Diverged = true };
            case Sign.Loss:
                return update with { Losses = [2.0, double.NaN] };
            case Sign.Value:
                update.Adapter.Modules[new ModuleId(2, Projection.Down)].A[7] = float.NaN;
                return update;
            default:
                return update;
        }
    }

    private static int Number(string id) => int.Parse(id, System.Globalization.CultureInfo.InvariantCulture);
}
