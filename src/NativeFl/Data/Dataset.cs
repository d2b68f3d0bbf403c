using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Data;

/// <summary>From data files to sequences of tokens.</summary>
public static class Dataset
{
    /// <summary>Reads, encodes and packs data files. Pre-tokenised files need no tokenizer and are neither cut nor packed.</summary>
    /// <param name="files">JSONL files or JSON arrays.</param>
    /// <param name="tokenizer">The model's tokenizer; may be null for pre-tokenised data.</param>
    /// <param name="options">How records become sequences.</param>
    /// <param name="vocabularySize">The model's: every id is below it.</param>
    /// <exception cref="InvalidInputException">A bad record, named by file and line.</exception>
    public static IReadOnlyList<TokenizedExample> Load(
        IReadOnlyList<string> files, Tokenizer? tokenizer, PromptOptions options, int vocabularySize) =>
        Tokenize(RecordReader.Read(files), tokenizer, options, vocabularySize);

    /// <summary>Encodes and packs records, as <see cref="Load"/> does.</summary>
    /// <exception cref="InvalidInputException">A bad record, named by file and line.</exception>
    public static IReadOnlyList<TokenizedExample> Tokenize(
        IReadOnlyList<DataRecord> records, Tokenizer? tokenizer, PromptOptions options, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(options);
        if (records.Count == 0) return [];
        if (IsPreTokenised(records)) return [.. records.Select(r => PreTokenised.Read(r, vocabularySize))];
        if (tokenizer is null)
            throw new InvalidInputException(records[0].Place, "pre-tokenised records (input_ids), for the model has no tokenizer", "text");

        var encoder = new PromptEncoder(tokenizer, options);
        bool plain = records.All(encoder.IsPlainText);
        // Plain text that is packed loses nothing to MaxLength: it is joined and cut.
        bool stream = plain && (options.Packing ?? true);
        TokenizedExample[] examples = [.. records.Select(r => Within(stream ? encoder.EncodeWhole(r) : encoder.Encode(r), r, vocabularySize))];
        if (stream) return Streamed(examples, options.MaxLength);
        return options.Packing ?? false ? Packing.Pack(examples, options.MaxLength) : examples;
    }

    /// <summary>Hashes everything about sequences that training depends on, and their ids.</summary>
    public static string Hash(IReadOnlyList<TokenizedExample> examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var hash = new ContentHash();
        foreach (TokenizedExample example in examples)
        {
            hash.Add(example.Id);
            hash.Add(example.InputIds.Length);
            hash.Add<int>(example.InputIds);
            hash.Add<int>(example.Labels);
            hash.Add(example.Starts.Count);
            foreach (int start in example.Starts) hash.Add(start);
        }

        return hash.ToString();
    }

    /// <summary>Whether the first record has input_ids, so that no tokenizer is needed.</summary>
    public static bool IsPreTokenised(IReadOnlyList<DataRecord> records)
    {
        ArgumentNullException.ThrowIfNull(records);
        return records.Count > 0 && PreTokenised.Is(records[0]);
    }

    // A last stretch of one token has nothing to learn.
    private static IReadOnlyList<TokenizedExample> Streamed(TokenizedExample[] examples, int maxLength) =>
        [.. Packing.Stream(examples, maxLength).Where(e => e.CountedTokens > 0)];

    private static TokenizedExample Within(TokenizedExample example, DataRecord record, int vocabularySize)
    {
        foreach (int id in example.InputIds)
        {
            if (id >= vocabularySize)
                throw new InvalidInputException(record.Place, $"ids of the tokenizer below the model's vocabulary of {vocabularySize}", $"{id}");
        }

        return example;
    }
}
