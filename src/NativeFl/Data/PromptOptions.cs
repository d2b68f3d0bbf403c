namespace NativeFl.Data;

/// <summary>How records become token sequences.</summary>
public sealed record PromptOptions
{
    /// <summary>
    /// Text with {prompt}, {answer} or any {field}; added tokens in it are parsed. Null: <see cref="PromptTemplate.For"/> by the record's
    /// fields, with the tokenizer's end token behind the answer.
    /// </summary>
    public string? Template { get; init; }

    /// <summary>The field behind {prompt}; null: recognised.</summary>
    public string? PromptField { get; init; }

    /// <summary>The field behind {answer}; null: recognised.</summary>
    public string? AnswerField { get; init; }

    /// <summary>Whether the loss also covers what comes before the answer.</summary>
    public bool TrainOnPrompt { get; init; }

    /// <summary>The longest sequence, in tokens; longer ones lose their end.</summary>
    public int MaxLength { get; init; } = 1024;

    /// <summary>Whether several records share a sequence; null: only plain text does.</summary>
    public bool? Packing { get; init; }
}
