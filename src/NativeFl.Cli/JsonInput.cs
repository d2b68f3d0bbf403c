using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>JSON files that a user gives: whole characters in every name and text, no member twice, and an error that says where.</summary>
internal static class JsonInput
{
    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="allowTwice">Whether a member may be there twice, because the reader looks for itself and says it better.</param>
    /// <exception cref="InvalidInputException">It is not such a file.</exception>
    public static JsonDocument Read(string path, bool allowTwice = false)
    {
        byte[] bytes = File.ReadAllBytes(path);
        try
        {
            JsonDocument document = JsonDocument.Parse(bytes, new JsonDocumentOptions { AllowDuplicateProperties = allowTwice });
            CheckTexts(bytes);
            return document;
        }
        catch (JsonException e)
        {
            // A member that is there twice has no place of its own, only a name.
            string got = e.LineNumber is { } line
                ? string.Create(CultureInfo.InvariantCulture, $"an error at line {line + 1}, byte {e.BytePositionInLine + 1}")
                : "this: " + e.Message;
            throw new InvalidInputException(path, "JSON", got, e);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidInputException(path, "JSON text of whole characters", "half a surrogate pair", e);
        }
    }

    /// <summary>A number that was just made, of whatever type, or read from a file; null is NaN.</summary>
    public static double Number(JsonNode? node) =>
        node is null ? double.NaN : double.Parse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);

    // The parser looks into a text only when it is asked for, so every one is asked for once here.
    private static void CheckTexts(byte[] bytes)
    {
        var reader = new Utf8JsonReader(bytes);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String) reader.GetString();
        }
    }
}
