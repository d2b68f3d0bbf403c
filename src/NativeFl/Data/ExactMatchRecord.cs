using NativeFl.Tensors;

namespace NativeFl.Data;

/// <summary>A prompt and the answer that generation should give.</summary>
/// <param name="Id">The record's id.</param>
/// <param name="Prompt">What is asked.</param>
/// <param name="Answer">What is right.</param>
public sealed record ExactMatchRecord(string Id, string Prompt, string Answer)
{
    /// <summary>The record of the file, if it came from one.</summary>
    public DataRecord? Source { get; init; }

    /// <summary>Reads records with a prompt and an answer, recognised or named by the options.</summary>
    /// <exception cref="InvalidInputException">A missing field or an empty answer; names file and line.</exception>
    public static IReadOnlyList<ExactMatchRecord> Read(IReadOnlyList<DataRecord> records, PromptOptions options)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(options);
        return [.. records.Select(record => Read(record, options))];
    }

    private static ExactMatchRecord Read(DataRecord record, PromptOptions options)
    {
        RecordFormat format = RecordFormat.Of(record, options);
        if (format.Prompt is null) throw new InvalidInputException(record.Place, "a prompt and an answer", "plain text");
        return new ExactMatchRecord(
            record.Id, PromptEncoder.Value(record, format, "prompt"), PromptEncoder.Value(record, format, "answer"))
        { Source = record };
    }
}
