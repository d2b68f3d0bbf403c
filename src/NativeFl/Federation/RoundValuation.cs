using System.Globalization;
using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// The values of a federation's rounds: planned before the run for the clients that each round will draw, measured before the round's changes
/// go into the base, never with more operations than the budget.
/// </summary>
public sealed class RoundValuation
{
    private readonly FederationOptions _options;
    private readonly ClientValueOptions _values;
    private readonly ModelConfig _config;
    private readonly IReadOnlyList<TokenizedExample> _examples;
    private readonly Dictionary<int, double> _training = [];

    /// <summary>For the rounds of a run.</summary>
    /// <param name="options">The run's, with <see cref="FederationOptions.Values"/>.</param>
    /// <param name="config">The base.</param>
    /// <param name="examples">The data of all clients.</param>
    public RoundValuation(FederationOptions options, ModelConfig config, IReadOnlyList<TokenizedExample> examples)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _config, _examples) = (options, config, examples);
        _values = options.Values ?? throw new ArgumentException("no values are wanted", nameof(options));
    }

    /// <summary>
    /// The plan of every round (from 1) as far as it can be told before the run. Under flora-unmerged, what lies beside the base later is not
    /// known yet; it makes evaluations dearer, and a round's own plan counts it.
    /// </summary>
    /// <param name="clients">The clients that the method runs with.</param>
    /// <exception cref="InvalidInputException">The budget allows nothing in some round, or the estimator is not for so many clients.</exception>
    public IReadOnlyList<ClientValuePlan> Plans(IReadOnlyList<ClientSpecification> clients)
    {
        var plans = new List<ClientValuePlan>();
        int warm = IsWarm ? 2 : 1;
        for (int round = 1; round <= _options.Rounds; round++)
        {
            ClientSpecification[] selected = [.. _options.Select(clients, round).Where(c => c.Examples.Count > 0)];
            if (selected.Length == 0) continue;
            ClientValuePlan.Require("--value-estimator", _values.Estimator, selected.Length);
            long start = IsWarm ? clients.Max(AdapterValues) : 0;
            long values = (warm * selected.Sum(AdapterValues)) + start;
            (double evaluation, double slope) = Costs(values);
            plans.Add(Plan(selected.Length, evaluation, slope, selected) ?? throw Refusal(selected, evaluation, slope));
        }

        return plans;
    }

    /// <summary>The values of a round; null, with a warning, where its budget allows none.</summary>
    /// <param name="model">The base, as the round began.</param>
    /// <param name="changes">What came back.</param>
    /// <param name="round">From 1.</param>
    /// <param name="selected">All clients of the round, for the operations of its training.</param>
    /// <param name="warn">Told if there are none.</param>
    /// <param name="cancellation">Polled between passes.</param>
    internal IReadOnlyList<ClientValues>? Measure(
        Transformer model, ClientChanges changes, int round, IReadOnlyList<ClientSpecification> selected, Action<string> warn, CancellationToken cancellation)
    {
        (double evaluation, double slope) = changes.Costs(_config, _values.Validation);
        if (Plan(changes.Ids.Count, evaluation, slope, selected) is not { } plan)
        {
            warn(string.Create(CultureInfo.InvariantCulture, $"round {round}: its budget of operations is too small for client values"));
            return null;
        }

        using var stack = new ClientStack(model, changes, _values.Validation, _values.MaxRows);
        return new ClientValuation(stack, plan, _options.SeedOf(round, int.MaxValue)).Measure(_values.Games, cancellation);
    }

    /// <summary>What the clients weigh if they weigh what they are worth: max(0, φ_k); null, with a warning, where nobody is worth anything.</summary>
    internal static IReadOnlyDictionary<int, double>? WeightsOf(ClientValues values, int round, Action<string> warn)
    {
        Dictionary<int, double> weights = values.Clients.ToDictionary(c => c.Id, c => double.IsFinite(c.Value) ? Math.Max(0, c.Value) : 0);
        if (weights.Values.Sum() is > 0 and < double.PositiveInfinity) return weights;
        warn(string.Create(CultureInfo.InvariantCulture, $"round {round}: no client has a value above 0; the weights stay those of the examples"));
        return null;
    }

    private bool IsWarm => _options.Method is IAggregationMethod { Start: ClientStart.Global };

    private ClientValuePlan? Plan(int clients, double evaluation, double slope, IReadOnlyList<ClientSpecification> selected)
    {
        double training = selected.Sum(Training);
        return ClientValuePlan.Within(clients, ClientGames.Count(_values.Games), evaluation, slope, _values.Budget * training, _values.Estimator) is { } plan
            ? plan with { TrainingOperations = training }
            : null;
    }

    private InvalidInputException Refusal(ClientSpecification[] selected, double evaluation, double slope)
    {
        double training = selected.Sum(Training);
        double cheapest = ClientValuePlan.Cheapest(selected.Length, ClientGames.Count(_values.Games), evaluation, slope, _values.Estimator);
        return training == 0
            ? new InvalidInputException("--value-clients", "clients that train something", "none in a round")
            : ClientValuePlan.TooSmall("--value-budget", _values.Estimator, cheapest / training, _values.Budget);
    }

    private (double Evaluation, double Slope) Costs(long values)
    {
        var operations = new PassOperations(_config);
        return (operations.Forward(_values.Validation, values), operations.Training(_values.Validation, values));
    }

    /// <summary>The operations of a client's training in a round.</summary>
    private double Training(ClientSpecification client)
    {
        if (_training.TryGetValue(client.Id, out double known)) return known;
        double operations = 0;
        if (client.Rank > 0 && client.Examples.Count > 0)
        {
            var training = client.Epochs is { } epochs ? _options.Training with { Epochs = epochs } : _options.Training;
            double perEpoch = (training with { Steps = null, Epochs = 1 }).StepsFor(client.Examples.Count);
            TokenizedExample[] own = [.. client.Examples.Select(i => _examples[i])];
            operations = training.StepsFor(own.Length) / perEpoch * new PassOperations(_config.Without(client.Dropped)).Training(own, AdapterValues(client));
        }

        _training.Add(client.Id, operations);
        return operations;
    }

    private long AdapterValues(ClientSpecification client) => _config.Without(client.Dropped).Modules()
        .Where(module => UnequalDepth.IsTrained(_options, module))
        .Sum(module => (long)client.Rank * (_config.ShapeOf(module.Projection).Out + _config.ShapeOf(module.Projection).In));
}
