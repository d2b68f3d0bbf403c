using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.LayerDropping;

/// <summary>
/// In which order a model's sublayers can go, from a folder that score or drop wrote: all of both kinds by the similarities of scores.json,
/// the most similar first, or what the ranking of drop.json has, blocks as one.
/// </summary>
public static class DropOrderFile
{
    private const string RankingFile = "drop.json";

    private static readonly string[] Kinds = ["attention", "mlp"];

    /// <summary>The file of a folder that the order is in.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static string Find(string folder)
    {
        string ranking = Path.Combine(folder, RankingFile), scores = Path.Combine(folder, LayerScoresFile.FileName);
        if (File.Exists(ranking)) return ranking;
        return File.Exists(scores) ? scores : throw new InvalidInputException(folder, $"{LayerScoresFile.FileName} or {RankingFile}", "neither");
    }

    /// <summary>Reads the order.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="config">The model that it must be of.</param>
    /// <exception cref="InvalidInputException">It is no such folder, or of another model.</exception>
    public static IReadOnlyList<IReadOnlyList<Sublayer>> Read(string folder, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        string path = Find(folder);
        if (Path.GetFileName(path) == RankingFile) return Ranking(path, config);
        var all = new DropRequest { Granularity = Granularity.Joint, Count = config.Sublayers().Count() - 1 };
        return [.. LayerDropper.FromScores(config, LayerScoresFile.Read(folder, config), all).Steps.Select(step => step.Sublayers)];
    }

    private static List<IReadOnlyList<Sublayer>> Ranking(string path, ModelConfig config)
    {
        JsonFields fields = new(JsonFile.Read(path), path);
        if (fields.Json["ranking"] is not JsonArray ranking || ranking.Any(step => step is not JsonObject)) throw fields.Error("ranking", "a list of objects");
        HashSet<Sublayer> left = [.. config.Sublayers()];
        List<IReadOnlyList<Sublayer>> order = [];
        foreach ((int i, JsonNode? step) in ranking.Index())
        {
            string where = string.Create(CultureInfo.InvariantCulture, $"ranking[{i}].");
            Sublayer[] item = [.. Sublayers(new JsonFields((JsonObject)step!, path, where), config).Where(left.Contains)];
            if (item.Length == 0) throw fields.Error(where.TrimEnd('.'), "sublayers that the model has, each once", JsonFields.Describe(step));
            left.ExceptWith(item);
            order.Add(item);
        }

        return order;
    }

    private static IEnumerable<Sublayer> Sublayers(JsonFields step, ModelConfig config)
    {
        IReadOnlyList<int> layers = step.OptionalInt32s("layers", 0, config.LayerCount - 1) ?? throw step.Error("layers", "layer numbers", "nothing");
        IReadOnlyList<string> kinds = step.OptionalStrings("kinds") ?? throw step.Error("kinds", string.Join(" or ", Kinds), "nothing");
        if (kinds.Any(kind => !Kinds.Contains(kind))) throw step.Error("kinds", string.Join(" or ", Kinds));
        return layers.SelectMany(layer => kinds.Select(kind => new Sublayer(layer, (SublayerKind)Array.IndexOf(Kinds, kind))));
    }
}
