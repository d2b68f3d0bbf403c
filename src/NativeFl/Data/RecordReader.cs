using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Data;

/// <summary>
/// Reads data files: JSON arrays of objects, or JSONL with one object a line, told apart by the first character. A byte order mark is
/// skipped, and so are blank lines. Anything else that is not a record is an error with file and line.
/// </summary>
public static class RecordReader
{
    private const int LongestLine = 256 << 20;
    private const int LargestArray = 1 << 30;
    private const int JsonDepth = 64;

    /// <summary>Reads the records of all files, in order.</summary>
    /// <exception cref="InvalidInputException">A bad line, an id that occurs twice, or no record at all.</exception>
    public static IReadOnlyList<DataRecord> Read(IReadOnlyList<string> files) => Read(files, out _);

    /// <summary>Reads the records of all files, in order.</summary>
    /// <param name="files">JSONL files or JSON arrays.</param>
    /// <param name="areArrays">Whether all of them are JSON arrays.</param>
    /// <exception cref="InvalidInputException">A bad line, an id that occurs twice, or no record at all.</exception>
    public static IReadOnlyList<DataRecord> Read(IReadOnlyList<string> files, out bool areArrays)
    {
        ArgumentNullException.ThrowIfNull(files);
        areArrays = files.Count > 0;
        var records = new List<DataRecord>();
        for (int i = 0; i < files.Count; i++)
        {
            string prefix = files.Count == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"{i}:");
            int before = records.Count;
            areArrays &= ReadFile(files[i], prefix, records);
            if (records.Count == before) throw new InvalidInputException(files[i], "at least one record", "an empty file");
        }

        var seen = new Dictionary<string, DataRecord>(StringComparer.Ordinal);
        foreach (DataRecord record in records)
        {
            if (!seen.TryAdd(record.Id, record))
                throw new InvalidInputException(record.Place, "an id of its own", $"{Shown.Text(record.Id)}, which {seen[record.Id].Place} has");
        }

        return records;
    }

    /// <returns>Whether it is an array.</returns>
    private static bool ReadFile(string file, string prefix, List<DataRecord> records)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            bool isArray = StartsWithArray(stream);
            if (isArray) ReadArray(stream, file, prefix, records);
            else ReadLines(stream, file, prefix, records);
            return isArray;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InvalidInputException(file, "a readable file", e.Message, e);
        }
    }

    private static bool StartsWithArray(FileStream stream)
    {
        int first = stream.ReadByte();
        if (first == 0xEF && stream.ReadByte() == 0xBB && stream.ReadByte() == 0xBF) first = stream.ReadByte();
        while (first is ' ' or '\t' or '\r' or '\n') first = stream.ReadByte();
        stream.Position = 0;
        return first == '[';
    }

    private static void ReadLines(FileStream stream, string file, string prefix, List<DataRecord> records)
    {
        var lines = new LineReader(stream, file, LongestLine);
        while (lines.TryRead(out ReadOnlySpan<byte> line))
        {
            if (lines.Line == 1 && line.StartsWith("\uFEFF"u8)) line = line[3..];
            if (line.TrimStart(" \t\r"u8).IsEmpty) continue;
            records.Add(Parse(line, file, lines.Line, prefix, lines.Line - 1));
        }
    }

    private static void ReadArray(FileStream stream, string file, string prefix, List<DataRecord> records)
    {
        if (stream.Length > LargestArray)
            throw new InvalidInputException(file, $"a JSON array of at most {LargestArray >> 20} MiB (use JSONL)", $"{stream.Length >> 20} MiB");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        ReadOnlySpan<byte> json = bytes;
        if (json.StartsWith("\uFEFF"u8)) json = json[3..];
        int line = 1, counted = 0, number = 0;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = JsonDepth });
            reader.Read();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                int start = (int)reader.TokenStartIndex;
                line += json[counted..start].Count((byte)'\n');
                counted = start;
                reader.Skip();
                records.Add(Parse(json[start..(int)reader.BytesConsumed], file, line, prefix, number++));
            }

            // The reader refuses what comes behind the array.
            reader.Read();
        }
        catch (JsonException e)
        {
            int at = e.LineNumber is { } zeroBased ? (int)zeroBased + 1 : line;
            throw new InvalidInputException($"{file}:{at}", "a JSON array of objects", JsonReason.Of(e), e);
        }
    }

    private static DataRecord Parse(ReadOnlySpan<byte> json, string file, int line, string prefix, int number)
    {
        string place = $"{file}:{line}";
        if (!Utf8.IsValid(json)) throw new InvalidInputException(place, "UTF-8 text", "other bytes");
        try
        {
            RequireWholeCharacters(json);
            var options = new JsonDocumentOptions { MaxDepth = JsonDepth, AllowDuplicateProperties = false };
            if (JsonNode.Parse(json, documentOptions: options) is not JsonObject fields)
                throw new InvalidInputException(place, "a JSON object", "another JSON value");
            _ = fields.Count; // makes the object read its members now, while an error can name the line
            return new DataRecord(prefix + (IdOf(fields, place) ?? number.ToString(CultureInfo.InvariantCulture)), fields, file, line);
        }
        catch (JsonException e)
        {
            throw new InvalidInputException(place, "a JSON object", JsonReason.Of(e), e);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidInputException(place, "text of whole characters", "half a surrogate pair", e);
        }
    }

    private static void RequireWholeCharacters(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = JsonDepth });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped) reader.GetString();
        }
    }

    private static string? IdOf(JsonObject fields, string place)
    {
        if (!fields.TryGetPropertyValue("id", out JsonNode? node) || node is null) return null;
        if (node.GetValueKind() is JsonValueKind.String or JsonValueKind.Number && DataRecord.Scalar(node) is { Length: > 0 } id) return id;
        throw new InvalidInputException($"{place}: id", "text or a number", DataRecord.KindOf(node));
    }
}
