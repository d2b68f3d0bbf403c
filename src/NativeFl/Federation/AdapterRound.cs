using System.Globalization;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>Trains the adapters of a round's clients; <paramref name="beside"/> lies frozen between the base and them.</summary>
internal delegate IReadOnlyList<ClientUpdate> AdapterTraining(
    int round, IReadOnlyList<ClientTask> tasks, AdapterWeights? beside, CancellationToken cancellation);

/// <summary>A round in which clients train LoRA adapters, all of them in one call of the trainer, each at its own depth.</summary>
internal sealed class AdapterRound(
    Transformer model, FederationOptions options, IAggregationMethod method, IReadOnlyList<TokenizedExample> examples,
    AdapterTraining train, Action<string> warn) : IRound
{
    private readonly RoundValuation? _valuation = options.Values is null ? null : new RoundValuation(options, model.Config, examples);

    private static AdapterWeights Nothing => Aggregation.None.Product;

    /// <inheritdoc/>
    public RoundOutcome Run(int round, IReadOnlyList<ClientSpecification> selected, ServerState server, CancellationToken cancellation)
    {
        ClientSpecification[] training = [.. selected.Where(c => c.Rank > 0 && c.Examples.Count > 0)];
        ClientTask[] tasks = [.. training.Select(c => Task(round, c, server))];
        IReadOnlyList<ClientUpdate> trained = tasks.Length == 0 ? [] : train(round, tasks, server.Beside, cancellation);
        var updates = new Dictionary<int, ClientUpdate>();
        for (int k = 0; k < training.Length; k++) updates.Add(training[k].Id, trained[k]);
        HashSet<int> dropped = [.. updates.Where(u => Diverged(u.Value)).Select(u => u.Key)];
        foreach (int id in dropped.Order()) Warn(round, id, updates[id]);
        if (updates.Count > 0 && dropped.Count == updates.Count)
            throw new RunFailedException($"round {round}: every client diverged");
        Dictionary<int, AdapterWeights> starts = method.Start == ClientStart.Fresh ? [] : training.Zip(tasks).ToDictionary(t => t.First.Id, t => t.Second.Initial);
        return Conclude(new Drawn(round, selected, starts, updates, dropped), server, cancellation);
    }

    private RoundOutcome Conclude(Drawn drawn, ServerState server, CancellationToken cancellation)
    {
        (int round, IReadOnlyList<ClientSpecification> selected, _, Dictionary<int, ClientUpdate> updates, HashSet<int> dropped) = drawn;
        ClientContribution[] contributions =
        [
            .. selected.Where(c => !dropped.Contains(c.Id))
                .Select(c => new ClientContribution(c.Id, c.Examples.Count, updates.GetValueOrDefault(c.Id)?.Adapter ?? Nothing)),
        ];
        Dictionary<int, AdapterWeights> adapters = contributions.ToDictionary(c => c.Id, c => c.Adapter);
        if (method.Start == ClientStart.Own)
        {
            var own = new SortedDictionary<int, AdapterWeights>(server.Own.ToDictionary());
            foreach ((int id, AdapterWeights adapter) in adapters) own[id] = adapter;
            ClientRoundResult[] alone = [.. selected.Select(c => Result(round, c, updates, dropped, Aggregation.None))];
            return new RoundOutcome(server with { Round = round, Own = own }, alone, adapters);
        }

        // Measured on the base as the round began: what follows adds to it.
        IReadOnlyList<ClientValues>? values = Values(drawn, contributions, server, cancellation);
        if (values is not null && options.Values!.SetsWeights && RoundValuation.WeightsOf(values[0], round, warn) is { } weights)
            contributions = [.. contributions.Select(c => c with { Weight = weights.GetValueOrDefault(c.Id) })];
        Aggregation aggregation =
            method.Aggregate(new Contributions(contributions, options.Renormalization, "--partition"), server);
        double exactness =
            ExactnessCheck.Measure(model.Backend, aggregation.Applied, contributions, options.Renormalization, server.Global);
        double? rounding = (aggregation.Merge, aggregation.Beside) switch
        {
            ({ } merge, _) => AdapterMerge.Into(model, merge, options.StorageType),
            (_, { } beside) => FoldRounding.Of(server.Beside, beside, aggregation.Product),
            _ => null,
        };
        int baseRound = aggregation.Merge is { Modules.Count: > 0 } ? round : server.BaseRound;
        var state = server with { Round = round, BaseRound = baseRound, Global = aggregation.Global, Beside = aggregation.Beside };
        ClientRoundResult[] results = [.. selected.Select(c => Result(round, c, updates, dropped, aggregation))];
        return new RoundOutcome(state, results, adapters, aggregation.Global ?? aggregation.Product, exactness, rounding) { Values = values };
    }

    private IReadOnlyList<ClientValues>? Values(
        Drawn drawn, IReadOnlyList<ClientContribution> contributions, ServerState server, CancellationToken cancellation)
    {
        if (_valuation is null) return null;
        var changes = ClientChanges.Of(new Contributions(contributions, options.Renormalization, "--partition"), drawn.Starts, server);
        return _valuation.Measure(model, changes, drawn.Round, drawn.Selected, warn, cancellation);
    }

    private ClientTask Task(int round, ClientSpecification client, ServerState server)
    {
        ulong seed = options.SeedOf(round, client.Id);
        LoraOptions lora = options.Lora with { Rank = client.Rank, Alpha = client.Alpha };
        AdapterWeights? start = method.Start switch
        {
            ClientStart.Global => Cut(server.Global, lora),
            ClientStart.Own => server.Own.GetValueOrDefault(client.Id) ?? Cut(options.Initial, lora),
            _ => null,
        };
        return new ClientTask
        {
            Id = client.Id.ToString(CultureInfo.InvariantCulture),
            Seed = seed,
            Examples = [.. client.Examples.Select(i => examples[i])],
            Initial = start?.Without(client.Dropped) ?? LoraInitialisation.Create(model.Config.Without(client.Dropped), lora, seed),
            Dropped = client.Dropped,
            Options = client.Epochs is { } epochs ? options.Training with { Epochs = epochs } : options.Training,
        };
    }

    private static AdapterWeights? Cut(AdapterWeights? adapter, LoraOptions lora)
    {
        if (adapter is null) return null;
        var modules = adapter.Modules.ToDictionary(m => m.Key, m => FactorAverage.Cut(m.Value, lora.Rank, lora.Scaling));
        return new AdapterWeights(new SortedDictionary<ModuleId, LoraFactors>(modules));
    }

    private ClientRoundResult Result(
        int round, ClientSpecification client, Dictionary<int, ClientUpdate> updates, HashSet<int> dropped, Aggregation aggregation)
    {
        ClientUpdate? update = updates.GetValueOrDefault(client.Id);
        AdapterWeights adapter = update?.Adapter ?? Nothing;
        return new ClientRoundResult
        {
            Id = client.Id,
            Rank = client.Rank,
            Examples = client.Examples.Count,
            Seed = options.SeedOf(round, client.Id),
            Steps = update?.Steps ?? 0,
            Tokens = update?.Tokens ?? 0,
            Loss = RoundLoss.Of(update),
            Dropped = dropped.Contains(client.Id),
            UploadBytes = method.UploadBytes(adapter),
            DownloadBytes = method.DownloadBytes(aggregation.Without(client.Dropped), adapter),
        };
    }

    private static bool Diverged(ClientUpdate update) =>
        update.Diverged || !update.Losses.All(double.IsFinite) || !update.Adapter.IsFinite;

    private void Warn(int round, int id, ClientUpdate update) =>
        warn($"round {round}: client {id} diverged after {update.Steps} steps and is left out of the round");

    /// <summary>Who was drawn for a round, from what they started, what came back, and who of them diverged.</summary>
    private sealed record Drawn(
        int Round, IReadOnlyList<ClientSpecification> Selected, Dictionary<int, AdapterWeights> Starts, Dictionary<int, ClientUpdate> Updates, HashSet<int> Dropped);
}
