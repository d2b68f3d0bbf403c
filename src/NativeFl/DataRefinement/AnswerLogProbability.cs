using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// The mean log-probability of the counted tokens: of the answers, or of the right choices of multiple-choice questions. Unlike accuracy it moves with
/// every step of training, so that it needs far fewer questions.
/// </summary>
public sealed class AnswerLogProbability : IQuality
{
    /// <summary>On answers.</summary>
    /// <exception cref="InvalidInputException">Nothing is counted.</exception>
    public AnswerLogProbability(IReadOnlyList<TokenizedExample> examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        if (examples.All(example => example.CountedTokens == 0)) throw new InvalidInputException("--validation", "at least one token to score", "none");
        Examples = examples;
    }

    /// <summary>On the right choices of questions.</summary>
    public AnswerLogProbability(IReadOnlyList<MultipleChoiceItem> items)
        : this([.. items.Select(item => MultipleChoice.Examples(item).ElementAt(item.Answer))])
    {
    }

    /// <inheritdoc/>
    public string Name => "log-probability";

    /// <inheritdoc/>
    public IReadOnlyList<TokenizedExample> Examples { get; }

    /// <inheritdoc/>
    public double Of(IReadOnlyList<float[]> losses) => -new ClusteredMean(losses).Mean;
}
