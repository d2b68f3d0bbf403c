using NativeFl.Tensors;

namespace NativeFl.Data;

/// <summary>What a record says, whatever its id and its other fields: to find one again in another file.</summary>
public static class RecordContent
{
    /// <summary>The hash of its prompt and answer, of its question and right choice, of its text, or of its tokens.</summary>
    /// <param name="record">The record.</param>
    /// <param name="options">Which fields are prompt and answer.</param>
    /// <exception cref="InvalidInputException">It has no such fields; names file and line.</exception>
    public static string Hash(DataRecord record, PromptOptions options)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(options);
        var hash = new ContentHash();
        if (PreTokenised.Is(record))
        {
            hash.Add(record.Fields["input_ids"]?.ToJsonString() ?? "");
            return hash.ToString();
        }

        if (record.Has("choices"))
        {
            MultipleChoiceRecord question = MultipleChoiceRecord.Read([record])[0];
            return OfTexts(hash, question.Question, question.Choices[question.Answer]);
        }

        RecordFormat format = RecordFormat.Of(record, options);
        return OfTexts(hash, format.Prompt is null ? "" : PromptEncoder.Value(record, format, "prompt"), PromptEncoder.Value(record, format, "answer"));
    }

    /// <summary>Refuses two sets of records that share one.</summary>
    /// <param name="flag">The flag of <paramref name="held"/>, for the error.</param>
    /// <param name="held">Records that must not occur elsewhere.</param>
    /// <param name="other">Where they must not occur.</param>
    /// <param name="what">What that is, for the error.</param>
    /// <param name="options">Which fields are prompt and answer.</param>
    /// <exception cref="InvalidInputException">One says the same as one of the others; names both.</exception>
    public static void RequireDisjoint(string flag, IReadOnlyList<DataRecord> held, IReadOnlyList<DataRecord> other, string what, PromptOptions options)
    {
        ArgumentNullException.ThrowIfNull(held);
        ArgumentNullException.ThrowIfNull(other);
        var seen = new Dictionary<string, DataRecord>(StringComparer.Ordinal);
        foreach (DataRecord record in other) seen.TryAdd(Hash(record, options), record);
        foreach (DataRecord record in held)
        {
            if (seen.TryGetValue(Hash(record, options), out DataRecord? same))
                throw new InvalidInputException(flag, $"records that are not in {what}", $"{record.Place}, which says the same as {same.Place}");
        }
    }

    // White space at the ends makes no other text.
    private static string OfTexts(ContentHash hash, string prompt, string answer)
    {
        hash.Add(prompt.Trim());
        hash.Add(answer.Trim());
        return hash.ToString();
    }
}
