using NativeFl.Tensors;

namespace NativeFl.Data;

/// <summary>Which fields of a record are prompt, context and answer, and the wording that goes with them.</summary>
/// <param name="Name">alpaca, dolly, …</param>
/// <param name="Prompt">The field behind {prompt}; null for plain text.</param>
/// <param name="Context">A field that may be missing or empty; else it belongs to the prompt.</param>
/// <param name="Answer">The field behind {answer}.</param>
internal sealed record RecordFormat(string Name, string? Prompt, string? Context, string Answer)
{
    /// <summary>The one format in which the whole record is learnt.</summary>
    public const string PlainText = "text";

    private static readonly RecordFormat[] Known =
    [
        new("alpaca", "instruction", "input", "output"),
        new("dolly", "instruction", "context", "response"),
        new("question", "question", null, "answer"),
        new("prompt", "prompt", null, "response"),
        new("prompt", "prompt", null, "completion"),
        new(PlainText, null, null, "text"),
    ];

    /// <summary>Recognises a record by its fields.</summary>
    /// <exception cref="InvalidInputException">No format fits; names file and line.</exception>
    public static RecordFormat Of(DataRecord record, PromptOptions options)
    {
        RecordFormat? known = Recognise(record);
        if (options.PromptField is null && options.AnswerField is null) return known ?? throw Unknown(record);
        string? prompt = options.PromptField ?? known?.Prompt;
        string answer = options.AnswerField ?? known?.Answer ?? throw Unknown(record);
        bool same = known is not null && prompt == known.Prompt && answer == known.Answer;
        return same ? known! : new RecordFormat("named", prompt, null, answer);
    }

    private static RecordFormat? Recognise(DataRecord record) => Array.Find(
        Known, f => (f.Prompt is null || record.Fields.ContainsKey(f.Prompt)) && record.Fields.ContainsKey(f.Answer));

    private static InvalidInputException Unknown(DataRecord record)
    {
        string fields = string.Join(", ", record.Fields.Select(f => f.Key).Take(8));
        return new InvalidInputException(
            record.Place,
            "fields instruction/output, instruction/response, question/answer, prompt/response, prompt/completion, text or input_ids "
            + "(or --prompt-field and --answer-field)",
            fields.Length == 0 ? "a record without fields" : fields);
    }
}
