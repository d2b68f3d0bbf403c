using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Cli;

/// <summary>Records as token sequences, by the flags of <see cref="DataFlags"/>.</summary>
internal static class TrainingData
{
    private const int DefaultMaxLength = 1024;

    /// <summary>The longest sequence: --max-length, else the model's positions, at most 1024.</summary>
    public static int MaxLength(VerbRun run, ModelConfig config)
    {
        int length = run.Get(DataFlags.MaxLength) ?? Math.Min(config.MaxPositions, DefaultMaxLength);
        if (length > config.MaxPositions)
            throw new InvalidInputException(run.Flags.Source(DataFlags.MaxLength), $"at most {config.MaxPositions}, the model's positions", $"{length}");
        return length;
    }

    /// <summary>How records become sequences.</summary>
    public static PromptOptions Options(VerbRun run, ModelConfig config) => new()
    {
        Template = run.Get(DataFlags.Template),
        PromptField = run.Get(DataFlags.PromptField),
        AnswerField = run.Get(DataFlags.AnswerField),
        TrainOnPrompt = run.Get(DataFlags.TrainOnPrompt),
        MaxLength = MaxLength(run, config),
        Packing = run.Get(DataFlags.NoPacking) ? false : null,
    };

    /// <summary>Reads --data, or other files, as sequences.</summary>
    public static IReadOnlyList<TokenizedExample> Load(VerbRun run, IReadOnlyList<string> files, ModelConfig config, Func<Tokenizer> tokenizer) =>
        Tokenize(run, RecordReader.Read(files), config, tokenizer);

    /// <summary>Records as sequences; the tokenizer is only opened if they are not tokenised yet.</summary>
    public static IReadOnlyList<TokenizedExample> Tokenize(
        VerbRun run, IReadOnlyList<DataRecord> records, ModelConfig config, Func<Tokenizer> tokenizer) =>
        Dataset.Tokenize(records, Dataset.IsPreTokenised(records) ? null : tokenizer(), Options(run, config), config.VocabularySize);
}
