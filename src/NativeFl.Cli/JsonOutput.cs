using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace NativeFl.Cli;

/// <summary>How the command line writes JSON: readable text unescaped, numbers in their shortest exact form.</summary>
internal static class JsonOutput
{
    /// <summary>A number that JSON can hold: NaN and infinities become null.</summary>
    public static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;

    /// <summary>A number that JSON can hold, or null.</summary>
    public static JsonNode? Number(double? value) => value is { } number ? Number(number) : null;

    /// <summary>A number that JSON can hold: NaN and infinities become null.</summary>
    public static JsonNode? Number(float value) => float.IsFinite(value) ? JsonValue.Create(value) : null;

    /// <summary>An array of such numbers.</summary>
    public static JsonArray Numbers(IEnumerable<float> values) => new([.. values.Select(Number)]);

    /// <summary>An array of such numbers.</summary>
    public static JsonArray Numbers(IEnumerable<double> values) => new([.. values.Select(Number)]);

    /// <summary>An array of whole numbers.</summary>
    public static JsonArray Integers(IEnumerable<int> values) => new([.. values.Select(v => (JsonNode)v)]);

    /// <summary>An array of texts.</summary>
    public static JsonArray Texts(IEnumerable<string> values) => new([.. values.Select(v => (JsonNode)v)]);

    /// <summary>The node as text, on one line or indented.</summary>
    public static string Write(JsonNode node, bool indented = false)
    {
        using var buffer = new MemoryStream();
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = indented };
        using (var writer = new Utf8JsonWriter(buffer, options)) node.WriteTo(writer);
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }
}
