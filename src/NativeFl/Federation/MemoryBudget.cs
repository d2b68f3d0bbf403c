using System.Globalization;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// Fits clients into the memory that they have. Of the plans that fit, a client gets the one that drops the fewest sublayers, and among
/// those the one of the largest rank: the rank that was asked for, or half of it, a quarter, and so on down to <see cref="LowestRank"/>.
/// So the rank gives way first, down to its floor; then sublayers go, in the order given, and the rank takes back what that frees. What is
/// counted is what the client's own training allocates on its device, by the tables that the run itself is made from: the weights that it
/// keeps, adapter, gradients and optimiser state, and the activations of its largest micro-batch; not the process around it.
/// </summary>
public sealed record MemoryBudget
{
    private const string Flag = "--memory-budget";

    /// <summary>Bytes, one value for all clients or one a client.</summary>
    public required IReadOnlyList<long> Bytes { get; init; }

    /// <summary>No rank is lowered beyond this.</summary>
    public int LowestRank { get; init; } = 4;

    /// <summary>What goes, and what goes first; each item as one. Null: the attention layers, from the last backwards.</summary>
    public IReadOnlyList<IReadOnlyList<Sublayer>>? Order { get; init; }

    /// <summary>Refuses, by flag, methods whose clients need other memory than a LoRA training, and another count of budgets than of clients.</summary>
    /// <exception cref="InvalidInputException">It is so.</exception>
    public void Require(IFederationMethod method, int clients)
    {
        ArgumentNullException.ThrowIfNull(method);
        ClientSpecification.CheckCount(Flag, Bytes.Count, clients);
        if (method is not IAggregationMethod) throw new InvalidInputException(Flag, "a method whose clients train adapters", $"--method {method.Name}");
        if (method is FloraUnmerged)
            throw new InvalidInputException(Flag, "a method with nothing beside the base, for the stack there grows every round", $"--method {method.Name}");
    }

    /// <summary>The clients with the ranks and the depths that fit; the ratio α / r of each stays.</summary>
    /// <param name="backend">Where a client would train; nothing is allocated on it but a table of a few hundred bytes.</param>
    /// <param name="config">The base.</param>
    /// <param name="weightType">How its matrices are stored in memory.</param>
    /// <param name="options">The run.</param>
    /// <param name="clients">Who, with the ranks asked for.</param>
    /// <param name="examples">The data of all clients.</param>
    /// <exception cref="InvalidInputException">No plan fits a client; it names client, budget and smallest plan.</exception>
    public IReadOnlyList<ClientSpecification> Fit(
        Backend backend, ModelConfig config, DType weightType, FederationOptions options, IReadOnlyList<ClientSpecification> clients,
        IReadOnlyList<TokenizedExample> examples)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(examples);
        Require(options.Method, clients.Count);
        DroppedSublayers[] depths = [.. Depths(config, options)];
        return [.. clients.Select((client, k) =>
        {
            long budget = Bytes[Bytes.Count == 1 ? 0 : k];
            if (client.Rank == 0 || client.Examples.Count == 0) return client with { BudgetBytes = budget, PlannedBytes = 0 };
            PassOptions pass = Pass(client, options, examples);
            long Measure(DroppedSublayers dropped, int rank) => BytesOf(
                backend, config.Without(dropped), weightType, options.Lora with { Rank = rank, Alpha = rank }, pass, options.Training.ProximalMu != 0);
            return Fit(client, budget, depths, Measure);
        })];
    }

    private ClientSpecification Fit(ClientSpecification client, long budget, DroppedSublayers[] depths, Func<DroppedSublayers, int, long> measure)
    {
        int floor = Math.Min(LowestRank, client.Rank);

        // Dropping more never takes more, so the first depth that fits at the floor is found by halving.
        int low = 0, high = depths.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (measure(depths[middle], floor) <= budget) high = middle;
            else low = middle + 1;
        }

        if (low == depths.Length) throw TooSmall(client, budget, floor, depths[^1], measure(depths[^1], floor));
        (int rank, long bytes) = Ranks(client.Rank, floor).Select(r => (r, measure(depths[low], r))).First(plan => plan.Item2 <= budget);
        return client with
        {
            Rank = rank,
            Alpha = client.Alpha * rank / client.Rank,
            Dropped = depths[low],
            BudgetBytes = budget,
            PlannedBytes = bytes,
        };
    }

    private static InvalidInputException TooSmall(ClientSpecification client, long budget, int rank, DroppedSublayers dropped, long bytes)
    {
        string plan = dropped.Count == 0 ? "of whole depth" : $"without {dropped}";
        return new InvalidInputException(
            Flag, string.Create(CultureInfo.InvariantCulture, $"at least {bytes} bytes for client {client.Id}, whose smallest plan is rank {rank} {plan}"),
            budget.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Nothing dropped, then one item of the order more each time; items that would leave no attention, or nothing to train, are passed over.</summary>
    private IEnumerable<DroppedSublayers> Depths(ModelConfig config, FederationOptions options)
    {
        DroppedSublayers dropped = DroppedSublayers.None;
        yield return dropped;
        foreach (IReadOnlyList<Sublayer> item in Order ?? [.. LayerDropper.Candidates(config, Granularity.Attention).Reverse()])
        {
            DroppedSublayers more = dropped.With(item);
            ModelConfig left = config.Without(more);
            if (!left.Sublayers().Any(s => s.Kind == SublayerKind.Attention) || !left.Modules().Any(m => UnequalDepth.IsTrained(options, m))) continue;
            dropped = more;
            yield return dropped;
        }
    }

    /// <summary>r, ⌊r / 2⌋, ⌊r / 4⌋, … and the floor.</summary>
    private static IEnumerable<int> Ranks(int asked, int floor)
    {
        for (int rank = asked; rank > floor; rank /= 2) yield return rank;
        yield return floor;
    }

    private static PassOptions Pass(ClientSpecification client, FederationOptions options, IReadOnlyList<TokenizedExample> examples)
    {
        (int rows, int counted) = new TrainingClient("", 0, [.. client.Examples.Select(i => examples[i])], options.Training).Largest();
        return new PassOptions { MaxRows = rows, MaxHeadRows = counted, Backward = true, Dropout = (float)options.Training.Dropout };
    }

    private static long BytesOf(Backend backend, ModelConfig config, DType weightType, LoraOptions lora, PassOptions pass, bool keepsStart)
    {
        (IReadOnlyList<MemoryPlan> plans, long trained) = RunMemory.PlansOf(backend, config, weightType, lora, pass);
        return plans.Sum(plan => plan.Bytes) + (keepsStart ? sizeof(float) * trained : 0);
    }
}
