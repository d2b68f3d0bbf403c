using System.Globalization;
using System.Text.Json;
using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>A value in a JSON file that knows where it stands, so that errors can name it.</summary>
internal readonly record struct JsonEntry(string File, string Path, JsonElement Value)
{
    /// <summary>"file: path".</summary>
    public string Name => Path.Length == 0 ? File : $"{File}: {Path}";

    /// <summary>Absent or null.</summary>
    public bool IsMissing => Value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    /// <summary>A member of an object; missing where it is not there.</summary>
    public JsonEntry this[string member]
    {
        get
        {
            if (Value.ValueKind != JsonValueKind.Object) throw Wrong("an object");
            return new JsonEntry(File, Path.Length == 0 ? member : $"{Path}.{member}", Value.TryGetProperty(member, out JsonElement v) ? v : default);
        }
    }

    /// <summary>The members of an object.</summary>
    public IEnumerable<JsonEntry> Members()
    {
        if (Value.ValueKind != JsonValueKind.Object) throw Wrong("an object");
        foreach (JsonProperty property in Value.EnumerateObject())
            yield return new JsonEntry(File, $"{Path}[{Shown.Text(property.Name)}]", property.Value);
    }

    /// <summary>The entries of an array.</summary>
    public IEnumerable<JsonEntry> Items()
    {
        if (Value.ValueKind != JsonValueKind.Array) throw Wrong("an array");
        int i = 0;
        foreach (JsonElement item in Value.EnumerateArray())
            yield return new JsonEntry(File, string.Create(CultureInfo.InvariantCulture, $"{Path}[{i++}]"), item);
    }

    /// <summary>A string of whole characters.</summary>
    public string Text()
    {
        if (Value.ValueKind != JsonValueKind.String) throw Wrong("a string");
        try
        {
            return Value.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidInputException(Name, "a string of whole characters", "half a surrogate pair", e);
        }
    }

    /// <summary>A string, or null where there is none.</summary>
    public string? OptionalText() => IsMissing ? null : Text();

    /// <summary>A whole number from 0.</summary>
    public int Id() => Value.ValueKind == JsonValueKind.Number && Value.TryGetInt32(out int id) && id >= 0 ? id : throw Wrong("an id from 0");

    /// <summary>true or false, or a default where there is none.</summary>
    public bool Flag(bool missing) => Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Undefined or JsonValueKind.Null => missing,
        _ => throw Wrong("true or false"),
    };

    /// <summary>The error for this entry.</summary>
    public InvalidInputException Wrong(string expected) => new(Name, expected, Got());

    private string Got() => Value.ValueKind switch
    {
        JsonValueKind.Undefined => "nothing",
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => Shown.Text(Value.GetRawText().Trim('"')),
        _ => Value.GetRawText() is { Length: <= 40 } raw ? raw : "a long number",
    };
}
