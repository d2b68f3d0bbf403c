namespace NativeFl.Evaluation;

/// <summary>How surprised a model is by a set of texts.</summary>
public sealed record PerplexityResult
{
    /// <summary>The mean of −log p over all counted tokens of the set.</summary>
    public required double Loss { get; init; }

    /// <summary>exp(loss).</summary>
    public double Perplexity => Math.Exp(Loss);

    /// <summary>Counted tokens.</summary>
    public required long Tokens { get; init; }

    /// <summary>Examples with at least one counted token.</summary>
    public required int Examples { get; init; }

    /// <summary>The standard error of the loss, see <see cref="ClusteredMean"/>; null with fewer than two examples.</summary>
    public double? StandardError { get; init; }
}
