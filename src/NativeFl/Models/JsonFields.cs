using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Tensors;
using static System.FormattableString;

namespace NativeFl.Models;

/// <summary>Typed access to the fields of a JSON object; every complaint names the file and the field. A null counts as absent.</summary>
/// <param name="Json">The object.</param>
/// <param name="Source">The file, for messages.</param>
/// <param name="Prefix">Where the object sits in the file, such as "rope_scaling.".</param>
internal readonly record struct JsonFields(JsonObject Json, string Source, string Prefix = "")
{
    public bool Has(string name) => Json[name] is not null;

    public InvalidInputException Error(string name, string expected, string got) => new($"{Source}: {Prefix}{name}", expected, got);

    public InvalidInputException Error(string name, string expected) => Error(name, expected, Describe(Json[name]));

    public int Int32(string name, int minimum, int maximum) =>
        OptionalInt32(name, minimum, maximum) ?? throw Error(name, Between(minimum, maximum), "nothing");

    public int? OptionalInt32(string name, int minimum, int maximum)
    {
        if (Json[name] is not { } node) return null;
        if (TryInt32(node, out int value) && value >= minimum && value <= maximum) return value;
        throw Error(name, Between(minimum, maximum));
    }

    public double Double(string name) => OptionalDouble(name) ?? throw Error(name, "a number", "nothing");

    public double? OptionalDouble(string name)
    {
        if (Json[name] is not { } node) return null;
        if (TryDouble(node, out double value)) return value;
        throw Error(name, "a finite number");
    }

    public double PositiveDouble(string name, double? otherwise = null)
    {
        double value = OptionalDouble(name) ?? otherwise ?? throw Error(name, "a positive number", "nothing");
        return value > 0 ? value : throw Error(name, "a positive number");
    }

    public bool Bool(string name, bool otherwise)
    {
        if (Json[name] is not { } node) return otherwise;
        if (node.GetValueKind() is JsonValueKind.True or JsonValueKind.False) return node.GetValueKind() == JsonValueKind.True;
        throw Error(name, "true or false");
    }

    public string? OptionalString(string name)
    {
        if (Json[name] is not { } node) return null;
        if (node is JsonValue value && value.TryGetValue(out string? text)) return text;
        throw Error(name, "a string");
    }

    public JsonFields? OptionalObject(string name)
    {
        if (Json[name] is not { } node) return null;
        return node is JsonObject json ? new JsonFields(json, Source, $"{Prefix}{name}.") : throw Error(name, "an object");
    }

    public IReadOnlyList<string>? OptionalStrings(string name)
    {
        if (Json[name] is not { } node) return null;
        if (node is not JsonArray array) throw Error(name, "a list of strings");
        List<string> strings = [];
        foreach (JsonNode? item in array)
        {
            if (item is not JsonValue value || !value.TryGetValue(out string? text))
                throw Error(name, "a list of strings", "a list with " + Describe(item));
            strings.Add(text);
        }

        return strings;
    }

    /// <summary>One integer or a list of them.</summary>
    public IReadOnlyList<int>? OptionalInt32s(string name, int minimum, int maximum)
    {
        if (Json[name] is not { } node) return null;
        List<int> values = [];
        foreach (JsonNode? item in node is JsonArray array ? array : new JsonArray(node.DeepClone()))
        {
            if (item is null || !TryInt32(item, out int value) || value < minimum || value > maximum)
                throw Error(name, $"{Between(minimum, maximum)}, or a list of them", Describe(item));
            values.Add(value);
        }

        return values;
    }

    public static bool TryInt32(JsonNode node, out int value)
    {
        value = 0;
        return node is JsonValue json && json.GetValueKind() == JsonValueKind.Number && json.TryGetValue(out value);
    }

    /// <summary>True for a finite number.</summary>
    public static bool TryDouble(JsonNode node, out double value)
    {
        value = 0;
        return node is JsonValue json && json.GetValueKind() == JsonValueKind.Number
            && (json.TryGetValue(out value) || (json.TryGetValue(out int integer) && (value = integer) == integer))
            && double.IsFinite(value);
    }

    public static string Describe(JsonNode? node) => node switch
    {
        null => "null",
        JsonArray { Count: > 8 } array => Invariant($"a list of {array.Count}"),
        JsonObject { Count: > 4 } json => Invariant($"an object of {json.Count} fields"),
        _ => Shorten(node.ToJsonString()),
    };

    private static string Shorten(string text) => text.Length <= 100 ? text : text[..97] + "...";

    private static string Between(int minimum, int maximum) =>
        Invariant($"an integer from {minimum} to {maximum}");
}
