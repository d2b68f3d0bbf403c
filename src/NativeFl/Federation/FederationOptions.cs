using System.Globalization;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>How a simulated federation runs.</summary>
public sealed record FederationOptions
{
    /// <summary>What the server does with the clients' work.</summary>
    public IFederationMethod Method { get; init; } = new FloraStacking();

    /// <summary>Rounds.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>The share of the clients that is drawn for each round, in (0, 1]; at least one client.</summary>
    public double ClientFraction { get; init; } = 1;

    /// <summary>Over whom weights sum to one.</summary>
    public Renormalization Renormalization { get; init; }

    /// <summary>Everything random in the run follows from it.</summary>
    public ulong Seed { get; init; }

    /// <summary>Targets and kind of the adapters; rank and alpha are each client's own.</summary>
    public LoraOptions Lora { get; init; } = new();

    /// <summary>A client's local training in a round; optimiser and schedule start anew each round.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>The adapter that warm-started methods begin with, or null: a fresh one.</summary>
    public AdapterWeights? Initial { get; init; }

    /// <summary>How the clients of every round are valued, or null.</summary>
    public ClientValueOptions? Values { get; init; }

    /// <summary>The type of the checkpoints, for the figure "rounding"; the base itself keeps its own type during the run.</summary>
    public DType StorageType { get; init; } = DType.F32;

    /// <summary>
    /// The seed of a client in a round (from 1): of its fresh adapter, its data order and its dropout. Below 2^53, so that it comes whole out
    /// of any JSON reader.
    /// </summary>
    public ulong SeedOf(int round, int client) => Philox.Derive(Philox.Derive(Seed, (ulong)round), (ulong)client) >> 11;

    /// <summary>The clients of a round (from 1), by id: ⌊fraction · K + ½⌋ of them, at least one, drawn without replacement.</summary>
    public IReadOnlyList<ClientSpecification> Select(IReadOnlyList<ClientSpecification> clients, int round)
    {
        ArgumentNullException.ThrowIfNull(clients);
        int count = Math.Clamp((int)Math.Floor((ClientFraction * clients.Count) + 0.5), 1, clients.Count);
        ClientSpecification[] drawn = [.. clients.OrderBy(c => c.Id)];
        new Philox(Seed, (ulong)round).Shuffle<ClientSpecification>(drawn);
        return [.. drawn.Take(count).OrderBy(c => c.Id)];
    }

    /// <summary>The clients that the method runs with, by id, once options and clients are known to go together: all that can be refused before a run.</summary>
    /// <param name="clients">Who.</param>
    /// <param name="config">The base.</param>
    /// <exception cref="InvalidInputException">They do not; it names the flag.</exception>
    public IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(config);
        Validate();
        UnequalDepth.Require(this, clients, config);
        ClientSpecification[] admitted = [.. Method.Admit(clients).OrderBy(c => c.Id)];
        if (Initial is null) return admitted;
        int rank = Initial.Modules.Values.Select(f => f.Rank).DefaultIfEmpty(0).Max(), largest = admitted.Max(c => c.Rank);
        return rank == largest
            ? admitted
            : throw new InvalidInputException(
                "--ranks", string.Create(CultureInfo.InvariantCulture, $"a largest rank of {rank}, as --init-adapter has"),
                largest.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Refuses what cannot run, by flag.</summary>
    /// <exception cref="InvalidInputException">A value is out of range.</exception>
    public void Validate()
    {
        if (Rounds < 1) throw new InvalidInputException("--rounds", "at least 1", Rounds.ToString(CultureInfo.InvariantCulture));
        if (!(ClientFraction > 0 && ClientFraction <= 1))
            throw new InvalidInputException("--client-fraction", "above 0, at most 1", ClientFraction.ToString(CultureInfo.InvariantCulture));
        if (Initial is not null && Method is not IAggregationMethod { Start: ClientStart.Global or ClientStart.Own })
            throw new InvalidInputException("--init-adapter", "a method that goes on from an adapter", $"--method {Method.Name}");
        if (Values is null) return;
        ClientValueOptions.Require(Method);
        Values.Validate();
    }
}
