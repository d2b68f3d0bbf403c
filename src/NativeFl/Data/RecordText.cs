namespace NativeFl.Data;

/// <summary>What a record says, without a template: for what reads it that is not the model.</summary>
public static class RecordText
{
    /// <summary>Its answer, or all of it where it is plain text.</summary>
    /// <exception cref="Tensors.InvalidInputException">It has no known fields, or no answer; names file and line.</exception>
    public static string Answer(DataRecord record, PromptOptions options) => Part(record, options, "answer");

    /// <summary>Its prompt, context and answer, on lines of their own.</summary>
    /// <exception cref="Tensors.InvalidInputException">It has no known fields, or no answer; names file and line.</exception>
    public static string Whole(DataRecord record, PromptOptions options)
    {
        ArgumentNullException.ThrowIfNull(record);
        string answer = Answer(record, options);
        return RecordFormat.Of(record, options).Prompt is null ? answer : $"{Part(record, options, "prompt")}\n{answer}";
    }

    private static string Part(DataRecord record, PromptOptions options, string name)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(options);
        return PromptEncoder.Value(record, RecordFormat.Of(record, options), name);
    }
}
