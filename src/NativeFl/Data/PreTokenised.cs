using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Tensors;

namespace NativeFl.Data;

/// <summary>Records {"input_ids": […], "labels": […]}: taken as they are. Labels are optional; without them every token is counted.</summary>
internal static class PreTokenised
{
    private const string InputIds = "input_ids";
    private const string Labels = "labels";

    /// <summary>Whether a record is one.</summary>
    public static bool Is(DataRecord record) => record.Fields.ContainsKey(InputIds);

    /// <summary>Reads and checks a record.</summary>
    public static TokenizedExample Read(DataRecord record, int vocabularySize)
    {
        if (!Is(record)) throw new InvalidInputException(record.Place, "input_ids, as in the first record", "a record without them");
        int[] ids = ReadArray(record, InputIds, vocabularySize, false);
        int[] labels = record.Has(Labels) ? ReadArray(record, Labels, vocabularySize, true) : ids;
        if (labels.Length != ids.Length)
            throw new InvalidInputException(record.Place, $"{ids.Length} labels, one for each id", $"{labels.Length}");
        var example = new TokenizedExample(record.Id, ids, labels);
        return example.CountedTokens > 0
            ? example with { Fields = ScalarFields(record) }
            : throw new InvalidInputException(record.Place, "something to learn behind the first token", "no counted label");
    }

    private static int[] ReadArray(DataRecord record, string field, int vocabularySize, bool ignored)
    {
        if (record.Fields[field] is not JsonArray array)
            throw new InvalidInputException($"{record.Place}: {field}", "an array of ids", DataRecord.KindOf(record.Fields[field]));
        int[] values = new int[array.Count];
        for (int i = 0; i < values.Length; i++)
        {
            bool number = array[i] is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out values[i]);
            if (number && ((uint)values[i] < (uint)vocabularySize || (ignored && values[i] == TokenizedExample.Ignored))) continue;
            throw new InvalidInputException(
                $"{record.Place}: {field}[{i}]",
                $"an id from 0 to {vocabularySize - 1}" + (ignored ? " or -100" : ""),
                array[i] is JsonValue ? Tokenization.Shown.Text(array[i]!.ToJsonString()) : DataRecord.KindOf(array[i]));
        }

        return values;
    }

    private static Dictionary<string, string> ScalarFields(DataRecord record) => record.Fields
        .Select(f => (f.Key, Value: DataRecord.Scalar(f.Value)))
        .Where(f => f.Value is not null)
        .ToDictionary(f => f.Key, f => f.Value!, StringComparer.Ordinal);
}
