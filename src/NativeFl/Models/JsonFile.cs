using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Tensors;
using static System.FormattableString;

namespace NativeFl.Models;

/// <summary>
/// Small JSON files from anywhere: strict UTF-8, an object at the top, no key twice, bounded size and depth. What is wrong is an
/// <see cref="InvalidInputException"/> that names the file.
/// </summary>
internal static class JsonFile
{
    private const int MaxDepth = 64;

    /// <summary>Reads a file that holds one JSON object.</summary>
    public static JsonObject Read(string path, int maxBytes = 16 << 20) => Parse(ReadBytes(path, maxBytes), path);

    /// <summary>Reads a file that holds one JSON array.</summary>
    public static JsonArray ReadArray(string path, int maxBytes = 16 << 20)
    {
        ReadOnlySpan<byte> text = ReadBytes(path, maxBytes);
        if (text.StartsWith("\uFEFF"u8)) text = text[3..];

        // Strictness is the object's, which takes the array as a member.
        JsonObject holder = Parse([.. "{\"items\":"u8, .. text, (byte)'}'], path);
        return holder is { Count: 1 } && holder["items"] is JsonArray items ? items : throw new InvalidInputException(path, "a JSON array", "another JSON value");
    }

    /// <summary>Reads a JSON object from text.</summary>
    public static JsonObject Parse(string json, string source)
    {
        try
        {
            return Parse(new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(json), source);
        }
        catch (EncoderFallbackException e)
        {
            throw new InvalidInputException(
                source, "JSON text", "half a surrogate pair at character " + e.Index.ToString(CultureInfo.InvariantCulture), e);
        }
    }

    /// <summary>Indented, with non-ASCII and markup characters as they are.</summary>
    public static void Write(JsonObject json, Stream stream)
    {
        JsonWriterOptions options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (Utf8JsonWriter writer = new(stream, options)) json.WriteTo(writer);
        stream.Write("\n"u8);
    }

    /// <summary>A name or value from a file as it may stand in a one-line message: quoted, shortened, without control characters.</summary>
    public static string Quote(string text)
    {
        StringBuilder quoted = new("\"");
        foreach (char c in text.Length <= 100 ? text : text[..97]) quoted.Append(char.IsControl(c) || char.IsSurrogate(c) ? '?' : c);
        return quoted.Append(text.Length <= 100 ? "\"" : "...\"").ToString();
    }

    private static JsonObject Parse(byte[] utf8, string source)
    {
        ReadOnlySpan<byte> text = utf8;
        if (text.StartsWith("\uFEFF"u8)) text = text[3..];
        try
        {
            CheckStrings(text);
            using JsonDocument document = JsonDocument.Parse(
                new ReadOnlySequence<byte>(utf8, utf8.Length - text.Length, text.Length),
                new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new InvalidInputException(
                    source, "a JSON object", "a JSON " + document.RootElement.ValueKind.ToString().ToLowerInvariant());
            return JsonObject.Create(document.RootElement.Clone())!;
        }
        catch (JsonException e)
        {
            throw new InvalidInputException(source, "a JSON object", Quote(e.Message), e);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidInputException(source, "JSON text in UTF-8", "a string that is not Unicode", e);
        }
    }

    // System.Text.Json looks at the inside of a string only when it is asked for, so every string is asked for once here.
    private static void CheckStrings(ReadOnlySpan<byte> text)
    {
        Utf8JsonReader reader = new(text, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String) _ = reader.GetString();
        }
    }

    private static byte[] ReadBytes(string path, int maxBytes)
    {
        if (!File.Exists(path)) throw new InvalidInputException(path, "a JSON file", "no such file");
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (stream.Length > maxBytes)
            {
                throw new InvalidInputException(
                    path, Invariant($"at most {maxBytes} bytes of JSON"), Invariant($"{stream.Length} bytes"));
            }

            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(path, "a readable file", e.Message, e);
        }
    }
}
