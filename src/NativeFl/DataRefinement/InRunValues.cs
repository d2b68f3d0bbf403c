using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// What records are worth to one LoRA training while it runs: no second training, no coalitions (In-Run Data Shapley, Wang, Mittal, Song, Jia 2024,
/// arXiv:2406.11011; with the optimiser's own step in the place of plain gradient descent as arXiv:2602.00329 asks for). At every optimiser step
/// each record z of the batch is credited with what its gradient g_z does to the validation loss:
/// <code>
/// first order:   φ_z += η g_zᵀ P g_val(θ)
/// second order:  φ_z += η g_zᵀ P ½ (g_val(θ) + g_val(θ′)) ≈ η g_zᵀ P g_val(θ) − ½ η g_zᵀ P H (θ − θ′)
/// </code>
/// g_z is the gradient of the record's share of the batch's loss, so that Σ_z g_z is the step's gradient; P the diagonal that AdamW puts before it
/// at this step, 1 / (√v̂ + ε), times the clip; θ′ the adapter after the step; H the curvature of the validation loss.
/// </summary>
/// <remarks>
/// The gradients of the records are exact: every record of a batch has a copy of the adapter in the stack, so one pass gives them all. The curvature
/// is the finite difference of the validation gradient along the step that was taken, momentum and decay included. A Hessian-vector product
/// would need a second derivative of every operation; the difference is exact to the step's third order, and the gradient after a step is the
/// gradient before the next. What momentum carries of g_z into later steps is credited at once, with the P of the step that drew the record.
/// A record's value is linear in its gradient: one without a counted token is worth 0. Before AdamW has seen many batches, P is large wherever the
/// gradients of a batch happen to cancel each other out; a few steps of warm-up keep such places from carrying a value.
/// </remarks>
public sealed class InRunValues
{
    private readonly Transformer _model;
    private readonly IReadOnlyList<TokenizedExample> _records, _validation;
    private readonly InRunOptions _options;

    /// <summary>Checks everything; nothing is trained yet.</summary>
    /// <param name="model">The base; it is not changed.</param>
    /// <param name="records">What is trained on and valued, each in a sequence of its own.</param>
    /// <param name="validation">What values are measured on; disjoint from the records.</param>
    /// <param name="options">How.</param>
    /// <exception cref="InvalidInputException">There is nothing to train or to measure, or an option has no meaning here.</exception>
    public InRunValues(
        Transformer model, IReadOnlyList<TokenizedExample> records, IReadOnlyList<TokenizedExample> validation, InRunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        _options = options ?? new InRunOptions();
        (_model, _records, _validation) = (model, records, Check(records, validation, _options));
        Steps = _options.Training.StepsFor(records.Count);
        Measurements = 1 + (_options.Order == InRunOrder.Second ? Steps : (Steps + _options.ValidationEvery - 1) / _options.ValidationEvery);
    }

    /// <summary>Optimiser steps of the training.</summary>
    public int Steps { get; }

    /// <summary>How often the validation gradient is measured.</summary>
    public int Measurements { get; }

    /// <summary>Token rows of all those measurements; a token costs what one of the training costs.</summary>
    public long ValidationTokens => Measurements * _validation.Sum(e => (long)e.InputIds.Length);

    /// <summary>Trains once and values every record. The same input gives the same bits.</summary>
    /// <param name="onStep">Told after every step: (steps done, steps in all).</param>
    /// <param name="onResume">Told, before the first step, how many a run before had done, if it goes on from <see cref="InRunOptions.Checkpoint"/>.</param>
    /// <param name="cancellation">Polled between steps; a cancelled run keeps its state if it has a place for it.</param>
    /// <exception cref="RunFailedException">The training diverged.</exception>
    /// <exception cref="InvalidInputException">The checkpoint is of another run.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public InRunResult Measure(Action<int, int>? onStep = null, Action<int>? onResume = null, CancellationToken cancellation = default)
    {
        using var training = new InRunTraining(_model, _records, _validation, _options);
        return training.Run(onStep, onResume, cancellation);
    }

    /// <summary>Refuses what has no meaning here.</summary>
    /// <returns>The validation records that have something to score.</returns>
    internal static TokenizedExample[] Check(IReadOnlyList<TokenizedExample> records, IReadOnlyList<TokenizedExample> validation, InRunOptions options)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(validation);
        if (records.Count == 0) throw new InvalidInputException("--data", "at least one record", "none");
        TokenizedExample[] scored = [.. validation.Where(e => ValidationGradient.Counted(e) > 0)];
        if (scored.Length == 0) throw new InvalidInputException("--validation", "at least one token to score", "none");
        if (options.Training.Dropout != 0) throw new InvalidInputException("--lora-dropout", "0 with in-run values", $"{options.Training.Dropout}");
        if (options.Training.ProximalMu != 0) throw new InvalidInputException("--proximal-mu", "0 with in-run values", $"{options.Training.ProximalMu}");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Lora.Rank, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.ValidationEvery, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.ValidationBlocks, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxRows, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.CheckpointEvery, nameof(options));
        return scored;
    }
}
