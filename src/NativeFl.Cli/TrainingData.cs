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
        Packing = Packing(run),
    };

    /// <summary>Reads --data, or other files, as sequences.</summary>
    public static IReadOnlyList<TokenizedExample> Load(VerbRun run, IReadOnlyList<string> files, ModelConfig config, Func<Tokenizer> tokenizer) =>
        Tokenize(run, RecordReader.Read(files), config, tokenizer);

    /// <summary>Records as sequences; the tokenizer is only opened if they are not tokenised yet.</summary>
    public static IReadOnlyList<TokenizedExample> Tokenize(
        VerbRun run, IReadOnlyList<DataRecord> records, ModelConfig config, Func<Tokenizer> tokenizer)
    {
        PromptOptions options = Options(run, config);
        bool isTokenised = Dataset.IsPreTokenised(records);
        if (isTokenised && options.Packing == true)
            throw new InvalidInputException(run.Flags.Source(DataFlags.Packing), "records of text", $"{records[0].Place}, which is pre-tokenised and stays as it is");
        return Dataset.Tokenize(records, isTokenised ? null : tokenizer(), options, config.VocabularySize);
    }

    private static bool? Packing(VerbRun run) => (run.Get(DataFlags.Packing), run.Get(DataFlags.NoPacking)) switch
    {
        (true, true) => throw new InvalidInputException(run.Flags.Source(DataFlags.Packing), "either --packing or --no-packing", "both"),
        (true, false) => true,
        (false, true) => false,
        _ => null,
    };
}
