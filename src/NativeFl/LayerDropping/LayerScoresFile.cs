using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.LayerDropping;

/// <summary>scores.json: everything that was measured, so that any granularity can be chosen from it later.</summary>
public static class LayerScoresFile
{
    /// <summary>Its name in a folder.</summary>
    public const string FileName = "scores.json";

    private static readonly string[] Kinds = ["attention", "mlp"];

    /// <summary>The scores as JSON.</summary>
    public static JsonObject ToJson(LayerScores scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        return new JsonObject
        {
            ["sublayers"] = new JsonArray([.. scores.Sublayers.Select(s => (JsonNode)new JsonObject
            {
                ["index"] = s.Sublayer.Layer,
                ["kind"] = Kinds[(int)s.Sublayer.Kind],
                ["similarity"] = s.Similarity,
                ["stderr"] = s.StandardError,
            })]),
            ["blocks"] = new JsonArray([.. scores.Blocks.Select(b => (JsonNode)new JsonObject
            {
                ["index"] = b.Layer,
                ["length"] = b.Length,
                ["similarity"] = b.Similarity,
                ["stderr"] = b.StandardError,
            })]),
            ["tokens"] = scores.Tokens,
            ["samples"] = scores.Samples,
        };
    }

    /// <summary>Writes <see cref="ToJson"/> into an existing folder.</summary>
    public static void Write(string folder, LayerScores scores)
    {
        JsonObject json = ToJson(scores);
        AtomicFile.Write(Path.Combine(folder, FileName), stream => JsonFile.Write(json, stream));
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="folder">Where it lies.</param>
    /// <param name="config">The model that it must be of.</param>
    /// <exception cref="InvalidInputException">The file is no such thing, or of another model.</exception>
    public static LayerScores Read(string folder, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        string path = Path.Combine(folder, FileName);
        JsonFields fields = new(JsonFile.Read(path), path);
        SublayerScore[] sublayers = [.. Objects(fields, "sublayers").Select(s => new SublayerScore(
            new Sublayer(s.Int32("index", 0, int.MaxValue), KindOf(s)), s.Double("similarity"), s.OptionalDouble("stderr")))];
        BlockScore[] blocks = [.. Objects(fields, "blocks").Select(b => new BlockScore(
            b.Int32("index", 0, int.MaxValue), b.Int32("length", 1, int.MaxValue), b.Double("similarity"), b.OptionalDouble("stderr")))];
        Sublayer[] model = [.. config.Sublayers()];
        int[] singles = [.. blocks.Where(b => b.Length == 1).Select(b => b.Layer)];
        if (!sublayers.Select(s => s.Sublayer).SequenceEqual(model) || !singles.SequenceEqual(model.Select(s => s.Layer).Distinct()))
        {
            throw fields.Error(
                "sublayers", string.Create(CultureInfo.InvariantCulture, $"the {model.Length} sublayers of the model, in order, and its blocks"),
                string.Create(CultureInfo.InvariantCulture, $"{sublayers.Length} sublayers of another"));
        }

        return new LayerScores
        {
            Sublayers = sublayers,
            Blocks = blocks,
            Tokens = (long)fields.Double("tokens"),
            Samples = fields.Int32("samples", 0, int.MaxValue),
        };
    }

    private static IEnumerable<JsonFields> Objects(JsonFields fields, string name)
    {
        if (fields.Json[name] is not JsonArray list || list.Any(item => item is not JsonObject)) throw fields.Error(name, "a list of objects");
        return list.Select((item, i) => new JsonFields((JsonObject)item!, fields.Source, string.Create(CultureInfo.InvariantCulture, $"{name}[{i}].")));
    }

    private static SublayerKind KindOf(JsonFields layer)
    {
        int kind = Array.IndexOf(Kinds, layer.OptionalString("kind"));
        return kind >= 0 ? (SublayerKind)kind : throw layer.Error("kind", string.Join(" or ", Kinds));
    }
}
