using NativeFl.Data;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.LayerDropping;

/// <summary>
/// Calibration text as LLM-Drop packs it (arXiv:2406.15786): documents one behind the other, an end-of-text token after each, no
/// beginning-of-text token, cut every so many tokens; what is left over is not used. Documents of one sample see each other.
/// </summary>
public static class Calibration
{
    /// <summary>The paper's number of samples.</summary>
    public const int DefaultSamples = 256;

    /// <summary>The paper's length of a sample, in tokens.</summary>
    public const int DefaultLength = 2048;

    /// <summary>
    /// Records as samples: plain text packed by <see cref="Pack"/> unless <see cref="PromptOptions.Packing"/> is false; anything else a record
    /// at a time, cut at <paramref name="length"/>.
    /// </summary>
    /// <param name="records">In order.</param>
    /// <param name="tokenizer">The model's; may be null for pre-tokenised records.</param>
    /// <param name="options">How records become sequences.</param>
    /// <param name="vocabularySize">The model's: every id is below it.</param>
    /// <param name="samples">At most so many.</param>
    /// <param name="length">Tokens of each; of a record on its own the most.</param>
    /// <param name="input">What the records came from, for errors.</param>
    /// <exception cref="InvalidInputException">A bad record, or less text than one sample.</exception>
    public static IReadOnlyList<TokenizedExample> Load(
        IReadOnlyList<DataRecord> records, Tokenizer? tokenizer, PromptOptions options, int vocabularySize, int samples, int length, string input)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(options);
        if (Dataset.IsPreTokenised(records) || tokenizer is null)
            return [.. Dataset.Tokenize([.. records.Take(samples)], tokenizer, options, vocabularySize).Select(e => Cut(e, length))];
        tokenizer.RequireFits(vocabularySize);
        var encoder = new PromptEncoder(tokenizer, options with { MaxLength = length });
        if ((options.Packing ?? true) && records.All(encoder.IsPlainText))
            return Pack(records.Select(r => PromptEncoder.Value(r, RecordFormat.Of(r, options), "answer")), tokenizer, samples, length, input);
        return [.. records.Take(samples).Select(r => Cut(encoder.EncodeWhole(r), length))];
    }

    /// <summary>The first samples of the given texts.</summary>
    /// <param name="texts">Documents, in order.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="samples">At most so many.</param>
    /// <param name="length">Tokens of each.</param>
    /// <param name="input">What the texts came from, for errors.</param>
    /// <exception cref="InvalidInputException">There is less text than one sample, or the tokenizer has no end-of-text token.</exception>
    public static IReadOnlyList<TokenizedExample> Pack(IEnumerable<string> texts, Tokenizer tokenizer, int samples, int length, string input)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(samples);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        int end = tokenizer.EosId ?? throw new InvalidInputException(input, "a tokenizer with an end-of-text token, to pack text with", "one without");
        var packed = new List<TokenizedExample>();
        var open = new List<int>(length);
        long tokens = 0;
        foreach (string text in texts)
        {
            if (packed.Count == samples) break;
            foreach (int id in (IEnumerable<int>)[.. tokenizer.Encode(text, addBos: false), end])
            {
                tokens++;
                open.Add(id);
                if (open.Count < length) continue;
                int[] ids = [.. open];
                packed.Add(new TokenizedExample(FormattableString.Invariant($"{packed.Count}"), ids, ids));
                open.Clear();
                if (packed.Count == samples) break;
            }
        }

        if (packed.Count > 0) return packed;
        throw new InvalidInputException(input, FormattableString.Invariant($"at least one sample of {length} tokens"), FormattableString.Invariant($"{tokens} tokens"));
    }

    private static TokenizedExample Cut(TokenizedExample example, int length) => example.InputIds.Length <= length
        ? example
        : example with { InputIds = example.InputIds[..length], Labels = example.Labels[..length], Starts = [.. example.Starts.Where(start => start < length)] };
}
