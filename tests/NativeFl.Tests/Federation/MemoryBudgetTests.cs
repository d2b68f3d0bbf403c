using CsCheck;
using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Federation;

/// <summary>A budget plans rank and depth from the memory tables of the training itself.</summary>
public sealed class MemoryBudgetTests
{
    private static readonly TokenizedExample[] Examples = FederationCases.Examples(10);

    private CpuBackend _backend = null!;
    private ModelConfig _config = null!;

    [OneTimeSetUp]
    public void Open()
    {
        _backend = FederationCases.Backend();
        using Transformer model = FederationCases.Model(_backend);
        _config = model.Config;
    }

    [OneTimeTearDown]
    public void Close() => _backend.Dispose();

    [TestCase(16, "", 0.0, 0.0)]
    [TestCase(16, "", 0.1, 0.5)]
    [TestCase(3, "a1 a2 m0", 0.0, 0.0)]
    public void The_planned_bytes_are_those_that_the_training_takes(int rank, string drops, double dropout, double mu)
    {
        FederationOptions options = FederationCases.Options("flora") with
        {
            Training = new TrainingOptions { BatchSize = 2, Steps = 1, Dropout = dropout, ProximalMu = mu },
        };
        long planned = Fit(options, Client(rank), Fixed(drops)).PlannedBytes!.Value, before = _backend.AllocatedBytes;
        using Checkpoint checkpoint = Checkpoint.Open(Fixtures.Path("models", "llama"));
        using Transformer model = Transformer.Load(_backend, checkpoint, DType.F32, DepthCases.Drops(drops));
        long rotary = MemoryPlan.Alignment; // The table of frequencies, which is not in any plan.
        var watcher = new Allocated(_backend);
        DepthCases.Train(model, Client(rank), LoraInitialisation.Create(model.Config, new LoraOptions { Rank = rank }, 1), 1, Examples, options, watcher);
        Assert.That(planned, Is.EqualTo(watcher.Bytes - before - rotary));
    }

    [Test]
    public void The_fewest_drops_come_first_and_then_the_largest_rank() => Gen.Select(Gen.Double[0, 1.2], Gen.Int[1, 40], Gen.Int[1, 12]).Sample((share, rank, lowest) =>
    {
        (DroppedSublayers Dropped, int Rank)[] plans = [.. Plans(rank, lowest, "a2", "a2 a1")];
        long[] bytes = [.. plans.Select(Bytes)];
        long budget = bytes.Min() + (long)(share * (bytes.Max() - bytes.Min()));
        int expected = Array.FindIndex(bytes, b => b <= budget);
        ClientSpecification got = new MemoryBudget { Bytes = [budget], LowestRank = lowest }
            .Fit(_backend, _config, DType.F32, FederationCases.Options("flora"), [Client(rank)], Examples)[0];
        return got.Rank == plans[expected].Rank && got.Dropped.Equals(plans[expected].Dropped) && got.PlannedBytes == bytes[expected]
            && got.BudgetBytes == budget && Math.Abs((got.Alpha / got.Rank) - 2) < 1e-12;
    }, iter: 60);

    [Test]
    public void Layers_go_in_the_order_given_and_attention_and_something_to_train_stay()
    {
        FederationOptions options = FederationCases.Options("flora") with { Lora = new LoraOptions { Targets = TargetModules.Parse("model.layers.1.mlp.up_proj") } };
        Sublayer A(int layer) => new(layer, SublayerKind.Attention);
        Sublayer M(int layer) => new(layer, SublayerKind.Mlp);
        var budget = new MemoryBudget { Bytes = [1], Order = [[M(2)], [A(1), M(1)], [A(0), A(1)], [M(0)], [A(2)]] };
        var error = Assert.Throws<InvalidInputException>(() => budget.Fit(_backend, _config, DType.F32, options, [Client(16)], Examples));
        Assert.That(error.Message, Does.Match(
            "^--memory-budget: expected at least [0-9]+ bytes for client 1, whose smallest plan is rank 4 without attention 0, mlp 0, attention 1, mlp 2, got 1$"));
        long smallest = long.Parse(error.Expected.Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture);
        ClientSpecification least = (budget with { Bytes = [smallest] }).Fit(_backend, _config, DType.F32, options, [Client(16)], Examples)[0];
        Assert.That((least.Rank, least.PlannedBytes), Is.EqualTo((4, smallest)), "the smallest plan is one");
    }

    [Test]
    public void Every_client_has_a_budget_of_its_own_and_who_trains_nothing_needs_none()
    {
        IReadOnlyList<ClientSpecification> clients = [.. FederationCases.Clients(16, 16, 0)];
        long whole = Bytes((DroppedSublayers.None, 16), clients[0]);
        IReadOnlyList<ClientSpecification> fitted = new MemoryBudget { Bytes = [whole, Bytes((DepthCases.Drops("a2"), 4), clients[1]), 1] }
            .Fit(_backend, _config, DType.F32, FederationCases.Options("flora"), clients, Examples);
        Assert.That(fitted.Select(c => (c.Rank, c.Dropped.Count, c.PlannedBytes)), Is.EqualTo(
            new (int, int, long?)[] { (16, 0, whole), (4, 1, Bytes((DepthCases.Drops("a2"), 4), clients[1])), (0, 0, 0) }));
    }

    [Test]
    public void A_base_that_lacks_layers_is_dropped_further()
    {
        ModelConfig dropped = _config.Without(DepthCases.Drops("a2"));
        var budget = new MemoryBudget { Bytes = [1] };
        var error = Assert.Throws<InvalidInputException>(
            () => budget.Fit(_backend, dropped, DType.F32, FederationCases.Options("flora"), [Client(16)], Examples));
        Assert.That(error.Expected, Does.EndWith("rank 4 without attention 1"));
    }

    [TestCase("full", 1, "a method whose clients train adapters, got --method full")]
    [TestCase("flora-unmerged", 1, "a method with nothing beside the base, for the stack there grows every round, got --method flora-unmerged")]
    [TestCase("flora", 2, "one value or 3, one a client, got 2")]
    public void What_cannot_be_planned_is_refused(string method, int budgets, string says)
    {
        var budget = new MemoryBudget { Bytes = [.. Enumerable.Repeat(1L << 40, budgets)] };
        var error = Assert.Throws<InvalidInputException>(() => budget.Require(FederationMethods.Find(method), 3));
        Assert.That(error.Message, Is.EqualTo("--memory-budget: expected " + says));
    }

    private static ClientSpecification Client(int rank) => FederationCases.Clients(rank)[1];

    /// <summary>A budget that only one depth and rank has: everything in the list goes at once.</summary>
    private MemoryBudget Fixed(string drops) => drops.Length == 0
        ? new MemoryBudget { Bytes = [1L << 40] }
        : new MemoryBudget { Bytes = [Bytes((DepthCases.Drops(drops), 3))], Order = [[.. DepthCases.Drops(drops).Sublayers]] };

    private ClientSpecification Fit(FederationOptions options, ClientSpecification client, MemoryBudget budget) =>
        budget.Fit(_backend, _config, DType.F32, options, [client], Examples)[0];

    private static IEnumerable<(DroppedSublayers Dropped, int Rank)> Plans(int rank, int lowest, params string[] depths)
    {
        int floor = Math.Min(rank, lowest);
        foreach (string drops in depths.Prepend(""))
        {
            List<int> ranks = [];
            for (int r = rank; r > floor; r = (int)Math.Floor(r / 2.0)) ranks.Add(r);
            ranks.Add(floor);
            foreach (int r in ranks) yield return (DepthCases.Drops(drops), r);
        }
    }

    private long Bytes((DroppedSublayers Dropped, int Rank) plan) => Bytes(plan, Client(plan.Rank));

    private long Bytes((DroppedSublayers Dropped, int Rank) plan, ClientSpecification client)
    {
        int[] lengths = [.. client.Examples.Select(i => Examples[i].InputIds.Length).OrderDescending().Take(2)];
        var options = new PassOptions { MaxRows = lengths.Sum(), MaxHeadRows = lengths.Sum(l => l - 1), Backward = true };
        var lora = new LoraOptions { Rank = plan.Rank };
        return RunMemory.PlansOf(_backend, _config.Without(plan.Dropped), DType.F32, lora, options).Plans.Sum(p => p.Bytes);
    }

    private sealed class Allocated(Backend backend) : ITrainingObserver
    {
        public long Bytes { get; private set; }

        public void OnStep(TrainingStep step) => Bytes = backend.AllocatedBytes;
    }
}
