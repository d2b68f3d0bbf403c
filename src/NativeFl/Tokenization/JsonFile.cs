using System.Text.Json;
using System.Text.Unicode;
using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>Reads a whole JSON file with limits.</summary>
internal static class JsonFile
{
    /// <summary>The largest tokenizer files in use have some 40 MB.</summary>
    private const long LargestFile = 512L << 20;

    /// <summary>Parses a file whose root is an object. The caller disposes the document.</summary>
    public static JsonDocument Open(string path)
    {
        byte[] bytes = Bytes(path);
        ReadOnlyMemory<byte> json = bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsMemory(3) : bytes;
        if (!Utf8.IsValid(json.Span)) throw new InvalidInputException(path, "UTF-8 text", "other bytes");
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a property name with half a surrogate pair.
            throw new InvalidInputException(path, "JSON", e.Message, e);
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object) return document;
        document.Dispose();
        throw new InvalidInputException(path, "a JSON object", "another JSON value");
    }

    /// <summary>The bytes of a file of sensible size.</summary>
    public static byte[] Bytes(string path)
    {
        try
        {
            long length = new FileInfo(path).Length;
            if (length > LargestFile) throw new InvalidInputException(path, $"at most {LargestFile >> 20} MiB", $"{length >> 20} MiB");
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(path, "a readable file", e.Message, e);
        }
    }
}
