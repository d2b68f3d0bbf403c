using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Evaluation;

/// <summary>Generates greedily and compares what a pattern extracts from the output and from the reference, character by character.</summary>
public static class ExactMatch
{
    /// <summary>Answers every item.</summary>
    /// <param name="generator">The model, with or without adapters; it batches.</param>
    /// <param name="tokenizer">Turns new ids into text.</param>
    /// <param name="items">Questions and references.</param>
    /// <param name="pattern">What of a text is the answer.</param>
    /// <param name="maxNewTokens">Where an output that does not end by itself is cut.</param>
    /// <param name="cancellation">Polled between tokens.</param>
    /// <exception cref="InvalidInputException">The pattern is not in a reference.</exception>
    public static AccuracyResult Measure(
        Generator generator, Tokenizer tokenizer, IReadOnlyList<ExactMatchItem> items, AnswerPattern pattern, int maxNewTokens,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(generator);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(pattern);
        string[] references = [.. items.Select(i => Reference(i, pattern))];
        var greedy = new GenerationOptions { MaxNewTokens = maxNewTokens, Temperature = 0 };
        int[][] outputs = generator.Generate([.. items.Select(i => i.Prompt)], greedy, cancellation: cancellation);
        return new AccuracyResult([.. items.Select((item, i) => Compare(item.Id, tokenizer.Decode(outputs[i]), references[i], pattern))]);
    }

    /// <summary>An output without the pattern is wrong, not an error.</summary>
    internal static ItemResult Compare(string id, string output, string reference, AnswerPattern pattern)
    {
        string? answer = pattern.Extract(output);
        return new ItemResult(id, string.Equals(answer, reference, StringComparison.Ordinal), answer ?? "", reference);
    }

    /// <summary>What of an item's reference is the answer; asked of all items first, it spares the generation for a bad last one.</summary>
    /// <exception cref="InvalidInputException">The pattern is not in the reference.</exception>
    public static string Reference(ExactMatchItem item, AnswerPattern pattern)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentNullException.ThrowIfNull(pattern);
        return pattern.Extract(item.Reference)
            ?? throw new InvalidInputException($"--extract, record {item.Id}", "a pattern that is in the reference answer", Shown(item.Reference));
    }

    private static string Shown(string text) => text.Length <= 60 ? $"\"{text}\"" : $"\"{text[..57]}...\"";
}
