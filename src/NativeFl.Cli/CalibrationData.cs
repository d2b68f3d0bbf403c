using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>The calibration set of score, drop and eval --sweep, by the flags of <see cref="LayerFlags"/>.</summary>
internal static class CalibrationData
{
    /// <summary>Tokens of a sample: --seq-len, else the model's positions, at most the paper's 2,048.</summary>
    public static int Length(VerbRun run, ModelConfig config)
    {
        int length = run.Get(LayerFlags.Length) ?? Math.Min(config.MaxPositions, Calibration.DefaultLength);
        if (length > config.MaxPositions)
            throw new InvalidInputException(run.Flags.Source(LayerFlags.Length), $"at most {config.MaxPositions}, the model's positions", $"{length}");
        return length;
    }

    /// <summary>Reads --data as samples, and says how many there were if they are fewer than asked.</summary>
    public static IReadOnlyList<TokenizedExample> Load(VerbRun run, ModelInput input) => Load(run, input, run.Get(DataFlags.OptionalData));

    /// <summary>The same of other files.</summary>
    public static IReadOnlyList<TokenizedExample> Load(VerbRun run, ModelInput input, IReadOnlyList<string> files)
    {
        int length = Length(run, input.Config), wanted = run.Get(LayerFlags.Samples);
        IReadOnlyList<DataRecord> records = RecordReader.Read(files);
        var options = new PromptOptions
        {
            Template = run.Get(DataFlags.Template),
            PromptField = run.Get(DataFlags.PromptField),
            AnswerField = run.Get(DataFlags.AnswerField),
            TrainOnPrompt = run.Get(DataFlags.TrainOnPrompt),
            MaxLength = length,
            Packing = run.Get(DataFlags.NoPacking) ? false : null,
        };
        IReadOnlyList<TokenizedExample> samples = Calibration.Load(
            records, Dataset.IsPreTokenised(records) ? null : input.Tokenizer(), options, input.Config.VocabularySize, wanted, length, string.Join(' ', files));
        if (samples.Count == 0) throw new InvalidInputException(string.Join(' ', files), "at least one record", "none");
        if (samples.Count < wanted) run.Note($"calibration: {samples.Count} samples instead of {wanted}, all there is");
        return samples;
    }
}
