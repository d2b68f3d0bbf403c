using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Evaluation;

/// <summary>The mean −log p of the counted tokens of a set, and exp of it.</summary>
public static class Perplexity
{
    /// <summary>Scores every example.</summary>
    /// <param name="scorer">The model, with or without adapters.</param>
    /// <param name="examples">Labels of −100 do not count.</param>
    /// <param name="cancellation">Polled between batches.</param>
    /// <exception cref="InvalidInputException">No token of the set counts.</exception>
    /// <exception cref="RunFailedException">A loss is not finite.</exception>
    public static PerplexityResult Measure(
        TokenScorer scorer, IReadOnlyList<TokenizedExample> examples, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scorer);
        return Of(scorer.Losses(examples, cancellation));
    }

    /// <summary>The result of given losses: by example, −log p of every counted token.</summary>
    internal static PerplexityResult Of(IReadOnlyList<float[]> losses) => Of(new ClusteredMean(losses));

    /// <summary>The result of losses that are summed up already.</summary>
    internal static PerplexityResult Of(ClusteredMean mean)
    {
        if (mean.Count == 0) throw new InvalidInputException("--data", "at least one token to score", "none");
        if (!double.IsFinite(mean.Mean)) throw new RunFailedException("perplexity: the loss is not finite");
        return new PerplexityResult
        {
            Loss = mean.Mean,
            Tokens = mean.Count,
            Examples = mean.Clusters,
            StandardError = mean.StandardError,
        };
    }
}
