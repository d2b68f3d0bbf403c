using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// The share of multiple-choice questions whose right choice has the highest log-probability, length-normalised as <see cref="MultipleChoice"/>
/// has it. It moves in steps of one question: for a small set <see cref="AnswerLogProbability"/> tells more.
/// </summary>
public sealed class ChoiceAccuracy : IQuality
{
    private readonly IReadOnlyList<MultipleChoiceItem> _items;

    /// <summary>On questions.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public ChoiceAccuracy(IReadOnlyList<MultipleChoiceItem> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        if (items.Count == 0) throw new InvalidInputException("--validation", "at least one question", "none");
        _items = items;
        Examples = [.. items.SelectMany(MultipleChoice.Examples)];
    }

    /// <inheritdoc/>
    public string Name => "accuracy";

    /// <inheritdoc/>
    public IReadOnlyList<TokenizedExample> Examples { get; }

    /// <inheritdoc/>
    public double Of(IReadOnlyList<float[]> losses)
    {
        ArgumentNullException.ThrowIfNull(losses);
        if (losses.Any(own => own.Any(loss => !float.IsFinite(loss)))) return double.NaN;
        float[][] all = [.. losses];
        int right = 0, first = 0;
        foreach (MultipleChoiceItem item in _items)
        {
            if (MultipleChoice.Best(all.AsSpan(first, item.Choices.Count)) == item.Answer) right++;
            first += item.Choices.Count;
        }

        return (double)right / _items.Count;
    }
}
