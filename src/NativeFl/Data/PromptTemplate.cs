using System.Text.RegularExpressions;
using NativeFl.Tensors;

namespace NativeFl.Data;

/// <summary>Text with places for fields: "{question}" stands for the field question. Other braces are themselves.</summary>
public sealed partial record PromptTemplate
{
    private const string Reply = "\n\nReply:\n{answer}";
    private const string Task = "Task:\n{instruction}";
    private const string TaskOnly = "Here is a task. Write a reply that does what it asks.\n\n" + Task;
    private const string TaskAndMaterial = "Here is a task and the material it is about. Write a reply that does what it asks.\n\n" + Task + "\n\nMaterial:\n";

    /// <summary>Takes a template apart.</summary>
    public PromptTemplate(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Text = text;
        var segments = new List<(string, bool)>();
        int start = 0;
        foreach (Match match in Place().Matches(text))
        {
            if (match.Index > start) segments.Add((text[start..match.Index], false));
            segments.Add((match.Groups[1].Value, true));
            start = match.Index + match.Length;
        }

        if (start < text.Length) segments.Add((text[start..], false));
        Segments = segments;
    }

    /// <summary>The template as it was written.</summary>
    public string Text { get; }

    /// <summary>The names of the fields in it, in order.</summary>
    public IReadOnlyList<string> Fields => [.. Segments.Where(s => s.IsField).Select(s => s.Text).Distinct()];

    internal IReadOnlyList<(string Text, bool IsField)> Segments { get; }

    /// <summary>The wording for a record when no template is given.</summary>
    /// <exception cref="InvalidInputException">The record's fields fit no known format; names file and line.</exception>
    public static PromptTemplate For(DataRecord record, PromptOptions options)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(options);
        RecordFormat format = RecordFormat.Of(record, options);
        bool context = format.Context is { } field && record.Has(field) && record.Text(field).Length > 0;
        return Default(format, context);
    }

    internal static PromptTemplate Default(RecordFormat format, bool context) => new(format.Name switch
    {
        "alpaca" => context ? TaskAndMaterial + "{input}" + Reply : TaskOnly + Reply,
        "dolly" => context ? TaskAndMaterial + "{context}" + Reply : TaskOnly + Reply,
        "question" => "Question:\n{prompt}\n\nAnswer:\n{answer}",
        RecordFormat.PlainText => "{answer}",
        // A completion continues its prompt as it stands.
        "prompt" when format.Answer == "completion" => "{prompt}{answer}",
        _ => format.Prompt is null ? "{answer}" : "{prompt}\n{answer}",
    });

    [GeneratedRegex(@"\{([A-Za-z_][A-Za-z0-9_-]*)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Place();
}
