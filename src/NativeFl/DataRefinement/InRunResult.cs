using NativeFl.Valuation;

namespace NativeFl.DataRefinement;

/// <summary>What <see cref="InRunValues"/> found.</summary>
public sealed record InRunResult
{
    /// <summary>
    /// By record. The standard error is over the validation records (in blocks): how far another validation set of that size would have moved
    /// the value along this training. It does not cover what another seed or order of the data would do.
    /// </summary>
    public required IReadOnlyList<PlayerValue> Values { get; init; }

    /// <summary>Mean log-probability of the counted validation tokens under the base.</summary>
    public required double Before { get; init; }

    /// <summary>The same after the training.</summary>
    public required double After { get; init; }

    /// <summary>The mean loss of every optimiser step, before it.</summary>
    public required IReadOnlyList<double> Losses { get; init; }

    /// <summary>Token rows that were trained on.</summary>
    public required long TrainingTokens { get; init; }

    /// <summary>Token rows of the validation gradients.</summary>
    public required long ValidationTokens { get; init; }
}
