using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Data;

/// <summary>One JSON object of a data file.</summary>
/// <param name="Id">
/// Its "id" field, else its 0-based line number (in a JSON array: its 0-based place); where several files are read together, prefixed with
/// the file's place: "1:0".
/// </param>
/// <param name="Fields">The object. All its strings are whole characters.</param>
/// <param name="File">Where it was read.</param>
/// <param name="Line">Its 1-based line, for messages.</param>
public sealed record DataRecord(string Id, JsonObject Fields, string File, int Line)
{
    /// <summary>"file:line".</summary>
    public string Place => $"{File}:{Line}";

    /// <summary>Whether a field is there and not null.</summary>
    public bool Has(string field)
    {
        ArgumentNullException.ThrowIfNull(field);
        return Fields.TryGetPropertyValue(field, out JsonNode? node) && node is not null;
    }

    /// <summary>A text field.</summary>
    /// <exception cref="InvalidInputException">It is missing or not a string; names file and line.</exception>
    public string Text(string field)
    {
        ArgumentNullException.ThrowIfNull(field);
        if (!Fields.TryGetPropertyValue(field, out JsonNode? node) || node is null)
            throw new InvalidInputException(Place, $"a field {Shown.Text(field)}", "a record without it");
        return node is JsonValue value && value.TryGetValue(out string? text)
            ? text
            : throw new InvalidInputException(Place, $"text in the field {Shown.Text(field)}", KindOf(node));
    }

    /// <summary>A text, number or truth value as a label, such as the category that a partition goes by.</summary>
    /// <exception cref="InvalidInputException">It is missing or no single value; names file and line.</exception>
    public string Label(string field)
    {
        ArgumentNullException.ThrowIfNull(field);
        if (!Fields.TryGetPropertyValue(field, out JsonNode? node) || node is null)
            throw new InvalidInputException(Place, $"a field {Shown.Text(field)}", "a record without it");
        return Scalar(node) ?? throw new InvalidInputException(Place, $"a single value in the field {Shown.Text(field)}", KindOf(node));
    }

    internal static string? Scalar(JsonNode? node) => node is not JsonValue value
        ? null
        : value.GetValueKind() switch
        {
            JsonValueKind.String => value.GetValue<string>(),
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.ToJsonString(),
            _ => null,
        };

    internal static string KindOf(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "text",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        _ => "null",
    };
}
