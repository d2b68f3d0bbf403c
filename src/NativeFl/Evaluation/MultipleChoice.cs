using System.Globalization;
using NativeFl.Data;
using NativeFl.Models;

namespace NativeFl.Evaluation;

/// <summary>
/// The model's choice is the one with the highest mean log-probability of its tokens given the question (length-normalised, so that a long
/// choice is not worse for being long); of equals the first.
/// </summary>
public static class MultipleChoice
{
    /// <summary>Scores every choice of every item.</summary>
    public static AccuracyResult Measure(
        TokenScorer scorer, IReadOnlyList<MultipleChoiceItem> items, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scorer);
        ArgumentNullException.ThrowIfNull(items);
        float[][] losses = scorer.Losses([.. items.SelectMany(Examples)], cancellation);
        var results = new List<ItemResult>();
        int first = 0;
        foreach (MultipleChoiceItem item in items)
        {
            int chosen = Best(losses.AsSpan(first, item.Choices.Count));
            first += item.Choices.Count;
            results.Add(new ItemResult(
                item.Id, chosen == item.Answer, chosen.ToString(CultureInfo.InvariantCulture),
                item.Answer.ToString(CultureInfo.InvariantCulture)));
        }

        return new AccuracyResult(results);
    }

    /// <summary>One example a choice, in which only the choice counts.</summary>
    internal static IEnumerable<TokenizedExample> Examples(MultipleChoiceItem item) => item.Choices.Select(choice => new TokenizedExample(
        item.Id, [.. item.Prompt, .. choice], [.. Enumerable.Repeat(-100, item.Prompt.Length), .. choice]));

    /// <summary>The index of the lowest mean loss; one that is not finite never wins against one that is.</summary>
    internal static int Best(ReadOnlySpan<float[]> losses)
    {
        int best = 0;
        double lowest = double.PositiveInfinity;
        for (int i = 0; i < losses.Length; i++)
        {
            double mean = losses[i].Average(x => (double)x);
            if (mean < lowest) (best, lowest) = (i, mean);
        }

        return best;
    }
}
