using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Valuation;

namespace NativeFl.DataRefinement;

/// <summary>
/// What training data is worth: v(S) is the quality of the base fine-tuned on the records of S, by a utility such as the mean log-probability
/// of validation answers (SHED, arXiv:2405.00705, section 3, with a value that needs no sampling of answers). Every coalition starts from the same
/// adapter and the same seed; v of nobody is the base's own. Coalitions are fine-tuned side by side as adapters of one stack, and measured side by side.
/// </summary>
public sealed class FineTuningGame : ICoalitionGame
{
    private readonly Transformer _model;
    private readonly FineTuningGameOptions _options;
    private readonly IReadOnlyList<IReadOnlyList<TokenizedExample>> _groups;
    private readonly IQuality _utility;
    private readonly AdapterWeights _initial;

    /// <summary>A game of records, or of groups of them.</summary>
    /// <param name="model">The base; it is not changed.</param>
    /// <param name="groups">By player, its records.</param>
    /// <param name="validation">Answers whose mean log-probability is v; disjoint from what is trained on.</param>
    /// <param name="options">How a coalition is fine-tuned.</param>
    /// <exception cref="InvalidInputException">There is no player, a player without records, or nothing to measure.</exception>
    public FineTuningGame(
        Transformer model, IReadOnlyList<IReadOnlyList<TokenizedExample>> groups, IReadOnlyList<TokenizedExample> validation, FineTuningGameOptions options)
        : this(model, groups, new AnswerLogProbability(validation), options)
    {
    }

    /// <summary>A game of records, or of groups of them.</summary>
    /// <param name="model">The base; it is not changed.</param>
    /// <param name="groups">By player, its records.</param>
    /// <param name="utility">What v is, on records that are disjoint from what is trained on.</param>
    /// <param name="options">How a coalition is fine-tuned.</param>
    /// <exception cref="InvalidInputException">There is no player, or a player without records.</exception>
    public FineTuningGame(Transformer model, IReadOnlyList<IReadOnlyList<TokenizedExample>> groups, IQuality utility, FineTuningGameOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(utility);
        ArgumentNullException.ThrowIfNull(options);
        if (groups.Count == 0 || groups.Any(group => group.Count == 0)) throw new InvalidInputException("--proxies", "at least one player, each with a record", "none");
        (_model, _groups, _utility, _options) = (model, groups, utility, options);
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
        using var scorer = new AdapterScorer(_model, stack, _utility.Examples.Max(e => e.InputIds.Length), _options.MaxRows);
        float[][][] losses = scorer.Losses(_utility.Examples, cancellation);
        return [.. losses.Select((own, k) => trained[k] is { Diverged: true } ? double.NaN : _utility.Of(own))];
    }

    /// <summary>Tokens that are scored to measure one coalition.</summary>
    public long ValidationTokens => _utility.Examples.Sum(example => (long)example.InputIds.Length);

    /// <summary>Tokens that fine-tuning on a coalition takes, those of the measurement not counted; to the last sequence where the epochs are whole.</summary>
    public long TokensOf(Coalition coalition)
    {
        ArgumentNullException.ThrowIfNull(coalition);
        TokenizedExample[] examples = [.. coalition.Members.SelectMany(player => _groups[player])];
        if (examples.Length == 0) return 0;
        long tokens = examples.Sum(example => (long)example.InputIds.Length);
        TrainingOptions training = _options.Training;
        double perEpoch = (training with { Steps = null, Epochs = 1 }).StepsFor(examples.Length);
        return (long)Math.Round(tokens * training.StepsFor(examples.Length) / perEpoch);
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
