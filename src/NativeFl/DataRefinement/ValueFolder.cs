using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// What refine value writes and refine select reads: values.json, beside it the clusters with their records, so that nothing else is needed, and
/// the table that the values come from (<see cref="Valuation.CoalitionValuesFile"/>).
/// </summary>
public static class ValueFolder
{
    /// <summary>The name of the values in a folder.</summary>
    public const string FileName = "values.json";

    /// <summary>The values as JSON; what is not finite is null.</summary>
    public static JsonObject ToJson(ProxyValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new JsonObject
        {
            ["estimator"] = values.Estimator,
            ["groups"] = values.Groups,
            ["fine_tunings"] = values.FineTunings,
            ["left_out"] = values.LeftOut,
            ["v_empty"] = Number(values.EmptyValue),
            ["v_all"] = Number(values.WholeValue),
            ["proxies"] = new JsonArray([.. values.Proxies.Select(proxy => (JsonNode)new JsonObject
            {
                ["id"] = proxy.Id,
                ["value"] = Number(proxy.Value),
                ["stderr"] = Number(proxy.StandardError),
                ["marginals"] = proxy.Marginals,
                ["group"] = proxy.Group,
            })]),
        };
    }

    /// <summary>Writes values.json into an existing folder.</summary>
    public static void Write(string folder, ProxyValues values)
    {
        JsonObject json = ToJson(values);
        AtomicFile.Write(Path.Combine(folder, FileName), stream => JsonFile.Write(json, stream));
    }

    /// <summary>Reads values.json.</summary>
    /// <exception cref="InvalidInputException">The file is no such thing.</exception>
    public static ProxyValues Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        JsonFields fields = new(JsonFile.Read(path), path);
        if (fields.Json["proxies"] is not JsonArray list || list.Count == 0 || list.Any(item => item is not JsonObject)) throw fields.Error("proxies", "a list of objects");
        int groups = fields.Int32("groups", 1, list.Count);
        ProxyValue[] proxies =
        [
            .. list.Select((item, i) => Proxy(new JsonFields((JsonObject)item!, path, string.Create(CultureInfo.InvariantCulture, $"proxies[{i}].")), groups)),
        ];
        if (proxies.GroupBy(proxy => proxy.Id).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw fields.Error("proxies", "every id once", $"{JsonFile.Quote(twice.Key)} twice");
        return new ProxyValues
        {
            Estimator = fields.OptionalString("estimator") ?? throw fields.Error("estimator", "its name", "nothing"),
            Proxies = proxies,
            Groups = groups,
            FineTunings = fields.Int32("fine_tunings", 0, int.MaxValue),
            LeftOut = fields.Int32("left_out", 0, int.MaxValue),
            EmptyValue = fields.OptionalDouble("v_empty"),
            WholeValue = fields.OptionalDouble("v_all"),
        };
    }

    private static ProxyValue Proxy(JsonFields proxy, int groups) => new(
        proxy.OptionalString("id") ?? throw proxy.Error("id", "a text", "nothing"),
        proxy.OptionalDouble("value") ?? double.NaN,
        proxy.OptionalDouble("stderr"),
        proxy.Int32("marginals", 0, int.MaxValue),
        proxy.Int32("group", 0, groups - 1));

    private static JsonValue? Number(double? value) => value is { } number && double.IsFinite(number) ? JsonValue.Create(number) : null;
}
