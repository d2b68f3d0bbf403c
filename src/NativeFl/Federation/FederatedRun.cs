using System.Diagnostics;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// A federation in simulation: draws clients, lets them train, aggregates, evaluates, round after round. The model's base is changed by the
/// methods that merge; what lies beside it is <see cref="State"/>. Same options, same data, same backend: same bits.
/// </summary>
public sealed class FederatedRun
{
    private readonly Transformer _model;
    private readonly FederationOptions _options;
    private readonly IFederationObserver? _observer;
    private readonly IRound _round;

    /// <summary>Checks everything and prepares the first round; nothing is trained yet.</summary>
    /// <param name="model">The base; f32, or bf16 with a method that leaves it alone.</param>
    /// <param name="options">How.</param>
    /// <param name="clients">Who, with which examples of <paramref name="examples"/>.</param>
    /// <param name="examples">The data of all clients.</param>
    /// <param name="observer">Told of every round, or null.</param>
    /// <param name="trainer">How training uses the machine; with a checkpoint folder, each round has a folder of its own in it.</param>
    /// <param name="resume">Where an earlier run stopped, with the base that it had then; null starts anew.</param>
    /// <exception cref="InvalidInputException">Options and clients do not fit; it names the flag.</exception>
    public FederatedRun(
        Transformer model, FederationOptions options, IReadOnlyList<ClientSpecification> clients, IReadOnlyList<TokenizedExample> examples,
        IFederationObserver? observer = null, TrainerOptions? trainer = null, ServerState? resume = null)
        : this(model, options, clients, examples, observer, resume, new LocalWork(model, observer, trainer ?? new TrainerOptions()))
    {
    }

    internal FederatedRun(
        Transformer model, FederationOptions options, IReadOnlyList<ClientSpecification> clients, IReadOnlyList<TokenizedExample> examples,
        IFederationObserver? observer, ServerState? resume, LocalWork work)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(examples);
        (_model, _options, _observer) = (model, options, observer);
        Clients = options.Admit(clients, model.Config);
        _round = options.Method switch
        {
            IAggregationMethod method => new AdapterRound(model, options, method, examples, work.Adapters, Warn),
            _ => new FullRound(model, options, examples, work.Weights, Warn),
        };
        State = resume ?? Start();
    }

    /// <summary>The clients that the method runs with, by id.</summary>
    public IReadOnlyList<ClientSpecification> Clients { get; }

    /// <summary>The server after the last round done; before the first one, what clients go on from is already there.</summary>
    public ServerState State { get; private set; }

    /// <summary>The server's model as it stands.</summary>
    public ServerModel Model => new(_model, State.Adapters);

    /// <summary>Runs the rounds that are left.</summary>
    /// <param name="evaluate">Measures a model, before the first round and after each; null: not at all.</param>
    /// <param name="cancellation">Polled between optimiser steps.</param>
    /// <exception cref="RunFailedException">All clients of a round diverged.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public FederationResult Run(
        Func<ServerModel, IReadOnlyDictionary<string, double>>? evaluate = null, CancellationToken cancellation = default)
    {
        if (State.Round == 0) State = State with { InitialEvaluation = Evaluate(evaluate) };
        var rounds = new List<RoundResult>();
        while (State.Round < _options.Rounds) rounds.Add(RunRound(State.Round + 1, evaluate, cancellation));
        return new FederationResult
        {
            Method = _options.Method.Name,
            Rounds = rounds,
            BaseBytes = _model.Weights.ParameterCount * _options.StorageType.Size(),
            InitialEvaluation = State.InitialEvaluation,
        };
    }

    private RoundResult RunRound(
        int round, Func<ServerModel, IReadOnlyDictionary<string, double>>? evaluate, CancellationToken cancellation)
    {
        IReadOnlyList<ClientSpecification> selected = _options.Select(Clients, round);
        _observer?.OnRoundStarted(round, selected);
        var watch = Stopwatch.StartNew();
        RoundOutcome outcome = _round.Run(round, selected, State, cancellation);
        double seconds = watch.Elapsed.TotalSeconds;
        State = outcome.State;
        var result = new RoundResult
        {
            Round = round,
            Clients = outcome.Clients,
            Exactness = outcome.Exactness,
            Rounding = outcome.Rounding,
            Values = outcome.Values,
            Seconds = seconds,
            Evaluation = Evaluate(evaluate),
        };
        _observer?.OnRoundEnded(
            new RoundArtefacts { Result = result, Clients = outcome.Adapters, Global = outcome.Global, State = State });
        return result;
    }

    private ServerState Start()
    {
        if (_options.Method is not IAggregationMethod { Start: ClientStart.Global }) return new ServerState();

        // Averaging means something only from a common start: rows of A drawn apart would cancel each other out.
        ClientSpecification largest = Clients.MaxBy(c => c.Rank)!;
        LoraOptions lora = _options.Lora with { Rank = largest.Rank, Alpha = largest.Alpha };
        return new ServerState
        {
            Global = _options.Initial ?? LoraInitialisation.Create(_model.Config, lora, Philox.Derive(_options.Seed, 0)),
        };
    }

    /// <summary>
    /// The server's model at its whole depth. Where every client keeps its own adapter, the figures (standard errors too) are means over the
    /// clients, each measured at its own depth.
    /// </summary>
    private IReadOnlyDictionary<string, double>? Evaluate(Func<ServerModel, IReadOnlyDictionary<string, double>>? evaluate)
    {
        if (evaluate is null) return null;
        if (State.Own.Count == 0) return evaluate(Model);
        var sums = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (ClientSpecification client in Clients)
        {
            AdapterWeights[] adapters = State.Own.TryGetValue(client.Id, out AdapterWeights? own) ? [own] : [];
            using Transformer view = _model.Without(client.Dropped);
            foreach ((string name, double value) in evaluate(new ServerModel(view, adapters)))
                sums[name] = sums.GetValueOrDefault(name) + (value / Clients.Count);
        }

        return sums;
    }

    private void Warn(string message) => _observer?.OnWarning(message);
}
