using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Tensors;

namespace NativeFl.Data;

/// <summary>A question with several answers, one of them right.</summary>
/// <param name="Id">The record's id.</param>
/// <param name="Question">The question.</param>
/// <param name="Choices">At least two different answers.</param>
/// <param name="Answer">The index of the right one.</param>
public sealed record MultipleChoiceRecord(string Id, string Question, IReadOnlyList<string> Choices, int Answer)
{
    /// <summary>Reads {"question": …, "choices": […], "answer": index}.</summary>
    /// <exception cref="InvalidInputException">A record is something else; names file and line.</exception>
    public static IReadOnlyList<MultipleChoiceRecord> Read(IReadOnlyList<DataRecord> records)
    {
        ArgumentNullException.ThrowIfNull(records);
        return [.. records.Select(Read)];
    }

    private static MultipleChoiceRecord Read(DataRecord record)
    {
        string question = record.Text("question");
        if (record.Fields["choices"] is not JsonArray array || array.Count < 2)
            throw new InvalidInputException(record.Place, "\"choices\", an array of at least two texts", DataRecord.KindOf(record.Fields["choices"]));
        string[] choices = new string[array.Count];
        for (int i = 0; i < choices.Length; i++)
        {
            if (array[i] is not JsonValue value || !value.TryGetValue(out string? choice))
                throw new InvalidInputException($"{record.Place}: choices[{i}]", "a text", DataRecord.KindOf(array[i]));
            if (choice.Length == 0) throw new InvalidInputException($"{record.Place}: choices[{i}]", "a text with something in it", "an empty one");
            choices[i] = choice;
        }

        bool known = record.Fields["answer"] is JsonValue node && node.GetValueKind() == JsonValueKind.Number && node.TryGetValue(out int _);
        if (!known) throw new InvalidInputException(record.Place, "\"answer\", the index of the right choice", DataRecord.KindOf(record.Fields["answer"]));
        int answer = record.Fields["answer"]!.GetValue<int>();
        if ((uint)answer >= (uint)choices.Length)
            throw new InvalidInputException(record.Place, $"\"answer\" from 0 to {choices.Length - 1}", $"{answer}");
        return new MultipleChoiceRecord(record.Id, question, choices, answer);
    }
}
