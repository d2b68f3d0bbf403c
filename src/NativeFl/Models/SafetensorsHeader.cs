using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using NativeFl.Tensors;
using static System.FormattableString;

namespace NativeFl.Models;

/// <summary>
/// The header of a safetensors file: 8 bytes of length (little-endian), then that many bytes of JSON, padded with spaces, which map each
/// tensor's name to dtype, shape and byte range. The ranges must tile the rest of the file exactly.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>The bytes of the length field.</summary>
    public const int Prefix = 8;

    /// <summary>The format's own limit.</summary>
    public const long MaxLength = 100_000_000;

    private const string Metadata = "__metadata__";

    private const string Types = "F32, BF16, F16, F64, I64, I32, I16, I8, U64, U32, U16, U8, BOOL, F8_E4M3, F8_E5M2, F8_E8M0 or C64";

    /// <summary>Bytes of one element, or 0 for a type that the format does not know or that packs several elements into a byte.</summary>
    public static int ElementSize(string dtype) => dtype switch
    {
        "F64" or "I64" or "U64" or "C64" => 8,
        "F32" or "I32" or "U32" => 4,
        "BF16" or "F16" or "I16" or "U16" => 2,
        "I8" or "U8" or "BOOL" or "F8_E4M3" or "F8_E5M2" or "F8_E8M0" => 1,
        _ => 0,
    };

    /// <summary>The types that are read as f32.</summary>
    public static bool IsFloat(string dtype) => dtype is "F32" or "BF16" or "F16" or "F64";

    /// <summary>"[32, 48]".</summary>
    public static string Format(ReadOnlySpan<long> shape) =>
        "[" + string.Join(", ", shape.ToArray().Select(n => n.ToString(CultureInfo.InvariantCulture))) + "]";

    /// <summary>The product of the extents, or null if it does not fit.</summary>
    public static long? Count(ReadOnlySpan<long> shape)
    {
        // A zero anywhere makes the product zero, whatever the others are.
        if (shape.Contains(0)) return 0;
        UInt128 count = 1;
        foreach (long extent in shape)
        {
            count *= (ulong)extent;
            if (count > long.MaxValue) return null;
        }

        return (long)count;
    }

    /// <summary>Reads and checks a header.</summary>
    /// <param name="header">The JSON bytes.</param>
    /// <param name="dataBytes">What is left of the file after them.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="metadata">The string map of the file, empty if it has none.</param>
    public static Dictionary<string, SafetensorsEntry> Parse(
        ReadOnlySpan<byte> header, long dataBytes, string path, out Dictionary<string, string> metadata)
    {
        if (!Utf8.IsValid(header)) throw new InvalidInputException(path, "a header in UTF-8", "bytes that are not UTF-8");
        if (header[0] != '{')
            throw new InvalidInputException(
                path, "a header that starts with {", "byte " + header[0].ToString("x2", CultureInfo.InvariantCulture));
        Dictionary<string, SafetensorsEntry> entries = [];
        metadata = [];
        try
        {
            bool hasMetadata = false;
            Utf8JsonReader reader = new(header);
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = reader.GetString()!;
                reader.Read();
                bool isNew;
                if (name == Metadata)
                {
                    isNew = !hasMetadata;
                    hasMetadata = true;
                    ReadMetadata(ref reader, path, metadata);
                }
                else
                {
                    isNew = entries.TryAdd(name, ReadEntry(ref reader, path, name));
                }

                if (!isNew) throw new InvalidInputException(path, "every name once in the header", JsonFile.Quote(name) + " twice");
            }

            // The reader itself refuses anything but white space after the closing brace.
            while (reader.Read())
            {
            }
        }
        catch (JsonException e)
        {
            throw new InvalidInputException(path, "a header that is a JSON object", JsonFile.Quote(e.Message), e);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidInputException(path, "a header of Unicode strings", "half a surrogate pair", e);
        }

        CheckTiling(entries.Values, dataBytes, path);
        return entries;
    }

    private static void ReadMetadata(ref Utf8JsonReader reader, string path, Dictionary<string, string> metadata)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new InvalidInputException(path, $"{Metadata} as an object of strings", Token(ref reader));
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw new InvalidInputException(
                    path, $"{Metadata} as an object of strings", $"{Token(ref reader)} for {JsonFile.Quote(key)}");
            if (!metadata.TryAdd(key, reader.GetString()!))
                throw new InvalidInputException(path, $"every key once in {Metadata}", JsonFile.Quote(key) + " twice");
        }
    }

    private static SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string path, string name)
    {
        string where = $"{path}: {JsonFile.Quote(name)}";
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new InvalidInputException(where, "an object with dtype, shape and data_offsets", Token(ref reader));
        string? dtype = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = reader.GetString()!;
            reader.Read();
            bool isNew;
            switch (field)
            {
                case "dtype":
                    isNew = dtype is null;
                    dtype = reader.TokenType == JsonTokenType.String
                        ? reader.GetString()!
                        : throw new InvalidInputException(where, "dtype as a string", Token(ref reader));
                    break;
                case "shape":
                    isNew = shape is null;
                    shape = ReadIntegers(ref reader, where, field);
                    break;
                case "data_offsets":
                    isNew = offsets is null;
                    offsets = ReadIntegers(ref reader, where, field);
                    break;
                default:
                    throw new InvalidInputException(where, "dtype, shape and data_offsets only", JsonFile.Quote(field));
            }

            if (!isNew) throw new InvalidInputException(where, "every field once", $"{field} twice");
        }

        return Check(where, name, dtype, shape, offsets);
    }

    private static SafetensorsEntry Check(string where, string name, string? dtype, long[]? shape, long[]? offsets)
    {
        if (dtype is null || shape is null || offsets is null)
            throw new InvalidInputException(
                where, "dtype, shape and data_offsets", "no " + (dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets"));
        int size = ElementSize(dtype);
        if (size == 0) throw new InvalidInputException(where, "a dtype of " + Types, JsonFile.Quote(dtype));
        if (offsets.Length != 2 || offsets[1] < offsets[0])
            throw new InvalidInputException(where, "data_offsets [begin, end] with begin <= end", Format(offsets));
        if (Count(shape) is not { } count || count > long.MaxValue / size)
            throw new InvalidInputException(where, "a shape whose size in bytes fits 63 bits", Format(shape));
        long bytes = offsets[1] - offsets[0];
        if (bytes != count * size)
        {
            throw new InvalidInputException(
                where, Invariant($"{count * size} bytes for {dtype} {Format(shape)}"), Invariant($"{bytes} bytes"));
        }

        return new SafetensorsEntry(name, dtype, shape, offsets[0], bytes);
    }

    private static long[] ReadIntegers(ref Utf8JsonReader reader, string where, string field)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new InvalidInputException(where, $"{field} as a list of integers", Token(ref reader));
        List<long> values = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long value) || value < 0)
                throw new InvalidInputException(where, $"{field} as a list of integers of at least 0 and below 2^63", Token(ref reader));
            if (values.Count == 64) throw new InvalidInputException(where, $"{field} of at most 64 extents", "more");
            values.Add(value);
        }

        return [.. values];
    }

    private static void CheckTiling(IEnumerable<SafetensorsEntry> entries, long dataBytes, string path)
    {
        long end = 0;
        foreach (SafetensorsEntry entry in entries.OrderBy(e => e.Offset).ThenBy(e => e.Bytes))
        {
            if (entry.Offset != end || entry.Bytes > dataBytes - end)
            {
                string expected = entry.Offset != end
                    ? Invariant($"data that starts at {end}, where the tensor before it ends")
                    : Invariant($"data within the {dataBytes} bytes that the file holds after its header");
                throw new InvalidInputException(
                    $"{path}: {JsonFile.Quote(entry.Name)}", expected,
                    Invariant($"offsets {entry.Offset} to {entry.Offset + entry.Bytes}"));
            }

            end += entry.Bytes;
        }

        if (end != dataBytes)
        {
            throw new InvalidInputException(
                path, Invariant($"{end} bytes of data after the header"), Invariant($"{dataBytes} bytes"));
        }
    }

    private static string Token(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null =>
            JsonFile.Quote(Encoding.UTF8.GetString(reader.ValueSpan)),
        JsonTokenType.String => "a string",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.StartObject => "an object",
        _ => "nothing",
    };
}
