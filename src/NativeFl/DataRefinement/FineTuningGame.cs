using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Valuation;

namespace NativeFl.DataRefinement;

/// <summary>
/// What training data is worth: v(S) is the mean log-probability of the counted validation tokens under the base fine-tuned on the records of
/// S (SHED, arXiv:2405.00705, section 3, with a value that needs no sampling of answers). Every coalition starts from the same adapter and the same
/// seed; v of nobody is the base's own. Coalitions are fine-tuned side by side as adapters of one stack, and measured side by side.
/// </summary>
public sealed class FineTuningGame : ICoalitionGame
{
    private readonly Transformer _model;
    private readonly FineTuningGameOptions _options;
    private readonly IReadOnlyList<IReadOnlyList<TokenizedExample>> _groups;
    private readonly IReadOnlyList<TokenizedExample> _validation;
    private readonly AdapterWeights _initial;

    /// <summary>A game of records, or of groups of them.</summary>
    /// <param name="model">The base; it is not changed.</param>
    /// <param name="groups">By player, its records.</param>
    /// <param name="validation">What v is measured on; disjoint from what is trained on.</param>
    /// <param name="options">How a coalition is fine-tuned.</param>
    /// <exception cref="InvalidInputException">There is no player, a player without records, or nothing to measure.</exception>
    public FineTuningGame(
        Transformer model, IReadOnlyList<IReadOnlyList<TokenizedExample>> groups, IReadOnlyList<TokenizedExample> validation, FineTuningGameOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(validation);
        ArgumentNullException.ThrowIfNull(options);
        if (groups.Count == 0 || groups.Any(group => group.Count == 0)) throw new InvalidInputException("--proxies", "at least one player, each with a record", "none");
        if (validation.All(example => example.CountedTokens == 0)) throw new InvalidInputException("--validation", "at least one token to score", "none");
        (_model, _groups, _validation, _options) = (model, groups, validation, options);
        _initial = LoraInitialisation.Create(model.Config, options.Lora, options.Seed);
    }

    /// <inheritdoc/>
    public int Players => _groups.Count;

    /// <inheritdoc/>
    public int AtOnce => _options.AtOnce;

    /// <inheritdoc/>
    public IReadOnlyList<double> Measure(IReadOnlyList<Coalition> coalitions, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(coalitions);
        ClientTask[] tasks = [.. coalitions.Where(c => c.Count > 0).Select(Task)];
        var trainer = new AdapterTrainer(_model, new TrainerOptions { MaxRows = _options.MaxRows });
        var updates = new Queue<ClientUpdate>(tasks.Length == 0 ? [] : trainer.Train(tasks, cancellation: cancellation));
        ClientUpdate?[] trained = [.. coalitions.Select(c => c.Count > 0 ? updates.Dequeue() : null)];
        using var stack = new AdapterStack(_model, [.. trained.Select(update => update?.Adapter)], trainable: false);
        using var scorer = new AdapterScorer(_model, stack, _validation.Max(e => e.InputIds.Length), _options.MaxRows);
        float[][][] losses = scorer.Losses(_validation, cancellation);
        return [.. losses.Select((own, k) => trained[k] is { Diverged: true } ? double.NaN : -new ClusteredMean(own).Mean)];
    }

    private ClientTask Task(Coalition coalition) => new()
    {
        Id = coalition.ToString(),
        Seed = _options.Seed,
        Examples = [.. coalition.Members.SelectMany(player => _groups[player])],
        Initial = _initial,
        Options = _options.Training,
    };
}
