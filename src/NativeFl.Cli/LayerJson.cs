using System.Text.Json.Nodes;
using NativeFl.LayerDropping;
using NativeFl.Models;

namespace NativeFl.Cli;

/// <summary>Scores and choices as score and drop print them.</summary>
internal static class LayerJson
{
    private static readonly string[] Kinds = ["attention", "mlp"];

    /// <summary>What score prints: the layers of one granularity.</summary>
    public static JsonObject Of(LayerScores scores, Granularity granularity) => new()
    {
        ["granularity"] = Name(granularity),
        ["layers"] = granularity switch
        {
            Granularity.Block => new JsonArray([.. scores.Blocks.Where(b => b.Length == 1).Select(b => Layer(b.Layer, null, b.Similarity, b.StandardError))]),
            Granularity.Joint => Sublayers(scores.Sublayers.OrderBy(s => s.Sublayer.Kind).ThenBy(s => s.Sublayer.Layer)),
            _ => Sublayers(scores.Of(granularity == Granularity.Mlp ? SublayerKind.Mlp : SublayerKind.Attention)),
        },
        ["tokens"] = scores.Tokens,
        ["samples"] = scores.Samples,
    };

    /// <summary>What drop prints and writes: the lists of config.json and the ranking behind them.</summary>
    public static JsonObject Of(DropChoice choice, DroppedSublayers all, int layers, string granularity, string method)
    {
        var json = new JsonObject { ["granularity"] = granularity, ["method"] = method };
        Add(json, choice, all, layers);
        return json;
    }

    /// <summary>Adds the lists and the ranking to an object.</summary>
    public static void Add(JsonObject json, DropChoice choice, DroppedSublayers all, int layers)
    {
        json["drop_attn_list"] = Mask(all.Mask(SublayerKind.Attention, layers));
        json["drop_mlp_list"] = Mask(all.Mask(SublayerKind.Mlp, layers));
        json["ranking"] = new JsonArray([.. choice.Steps.Select(Step)]);
        json["ties"] = new JsonArray([.. choice.Ties.Select(Step)]);
        json["passed_over"] = new JsonArray([.. choice.PassedOver.Select(Step)]);
    }

    /// <summary>What drop says of a patch: of every gap, what it is folded into (null: nothing precedes) and how far the stream is off, relative to itself.</summary>
    public static JsonObject Of(LinearPatch patch) => new()
    {
        ["ridge"] = patch.Ridge,
        ["tokens"] = patch.Tokens,
        ["gaps"] = new JsonArray([.. patch.Gaps.Select(gap => (JsonNode)new JsonObject
        {
            ["dropped"] = JsonOutput.Texts(gap.Dropped.Select(s => s.ToString())),
            ["into"] = gap.Into?.Name,
            ["error_before"] = JsonOutput.Number(gap.ErrorBefore),
            ["error_after"] = JsonOutput.Number(gap.ErrorAfter),
        })]),
    };

    /// <summary>A list of config.json: by block, whether its half is dropped.</summary>
    public static JsonArray Mask(bool[] mask) => new([.. mask.Select(drop => (JsonNode)drop)]);

    private static JsonArray Sublayers(IEnumerable<SublayerScore> scores) =>
        new([.. scores.Select(s => Layer(s.Sublayer.Layer, Kinds[(int)s.Sublayer.Kind], s.Similarity, s.StandardError))]);

    private static JsonObject Layer(int index, string? kind, double similarity, double? error)
    {
        var layer = new JsonObject { ["index"] = index };
        if (kind is not null) layer["kind"] = kind;
        layer["similarity"] = similarity;
        layer["importance"] = 1 - similarity;
        layer["stderr"] = JsonOutput.Number(error);
        return layer;
    }

    private static JsonNode Step(DropStep step)
    {
        var json = new JsonObject
        {
            ["layers"] = JsonOutput.Integers(step.Sublayers.Select(s => s.Layer).Distinct()),
            ["kinds"] = JsonOutput.Texts(step.Sublayers.Select(s => Kinds[(int)s.Kind]).Distinct()),
        };
        if (step.Similarity is { } similarity) json["similarity"] = JsonOutput.Number(similarity);
        if (step.Loss is { } loss) json["loss"] = JsonOutput.Number(loss);
        return json;
    }

    private static string Name(Granularity granularity) => granularity switch
    {
        Granularity.Attention => "attention",
        Granularity.Mlp => "mlp",
        Granularity.Block => "block",
        _ => "joint",
    };
}
