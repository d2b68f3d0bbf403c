using System.Text.Json;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>
/// Token ids in JSON: {"input_ids":[[…],…],"attention_mask":[[…],…]}. The mask is optional, 0 = padding, which may stand on either side
/// of a sequence but not inside it.
/// </summary>
internal sealed class TokenIdsFile
{
    private TokenIdsFile(string path, IReadOnlyList<int[]> rows, IReadOnlyList<(int First, int Count)> kept)
    {
        Path = path;
        Rows = rows;
        Kept = kept;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The rows as they stand, padding included.</summary>
    public IReadOnlyList<int[]> Rows { get; }

    /// <summary>Which part of each row is not padding.</summary>
    public IReadOnlyList<(int First, int Count)> Kept { get; }

    /// <summary>The ids of a row without padding.</summary>
    public int[] Sequence(int row) => Rows[row][Kept[row].First..(Kept[row].First + Kept[row].Count)];

    /// <summary>Reads and checks a file.</summary>
    public static TokenIdsFile Read(string path, int vocabularySize)
    {
        using JsonDocument document = JsonInput.Read(path);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object) throw new InvalidInputException(path, "an object with input_ids", "another JSON value");
        foreach (JsonProperty member in root.EnumerateObject())
        {
            if (member.Name is not ("input_ids" or "attention_mask" or "labels"))
                throw new InvalidInputException($"{path}: $.{member.Name}", "input_ids and attention_mask", "an unknown member");
        }

        if (!root.TryGetProperty("input_ids", out JsonElement ids)) throw new InvalidInputException(path, "input_ids", "none");
        int[][] rows = Matrix(path, "input_ids", ids, vocabularySize, $"a token id from 0 to {vocabularySize - 1}");
        if (rows.Length == 0) throw new InvalidInputException($"{path}: $.input_ids", "at least one sequence", "none");
        if (!root.TryGetProperty("attention_mask", out JsonElement maskElement))
            return new TokenIdsFile(path, rows, [.. rows.Select((row, i) => NotEmpty(path, i, (0, row.Length)))]);
        int[][] mask = Matrix(path, "attention_mask", maskElement, 2, "0 or 1");
        if (mask.Length != rows.Length)
            throw new InvalidInputException($"{path}: $.attention_mask", $"{rows.Length} rows, as input_ids has", $"{mask.Length}");
        return new TokenIdsFile(path, rows, [.. rows.Select((row, i) => NotEmpty(path, i, KeptOf(path, i, row, mask[i])))]);
    }

    private static int[][] Matrix(string path, string name, JsonElement element, int limit, string expected)
    {
        if (element.ValueKind != JsonValueKind.Array) throw new InvalidInputException($"{path}: $.{name}", "an array of arrays", "another value");
        List<int[]> rows = [];
        foreach (JsonElement row in element.EnumerateArray())
        {
            string where = $"{path}: $.{name}[{rows.Count}]";
            if (row.ValueKind != JsonValueKind.Array) throw new InvalidInputException(where, "an array", row.GetRawText());
            List<int> values = [];
            foreach (JsonElement item in row.EnumerateArray())
            {
                if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out int value) || value < 0 || value >= limit)
                    throw new InvalidInputException($"{where}[{values.Count}]", expected, item.GetRawText());
                values.Add(value);
            }

            rows.Add([.. values]);
        }

        return [.. rows];
    }

    private static (int First, int Count) KeptOf(string path, int row, int[] ids, int[] mask)
    {
        string where = $"{path}: $.attention_mask[{row}]";
        if (mask.Length != ids.Length) throw new InvalidInputException(where, $"{ids.Length} values, as input_ids has", $"{mask.Length}");
        int first = Math.Max(0, Array.IndexOf(mask, 1)), count = mask.Sum();
        if (mask.AsSpan(first, count).Contains(0)) throw new InvalidInputException(where, "padding before or after the tokens", "padding between them");
        return (first, count);
    }

    private static (int First, int Count) NotEmpty(string path, int row, (int First, int Count) kept) =>
        kept.Count > 0 ? kept : throw new InvalidInputException($"{path}: $.input_ids[{row}]", "at least one token", "none");
}
