using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// The sublayers that a model goes without: config.json's drop_attn_list and drop_mlp_list, as LLM-Drop (arXiv:2406.15786) writes them.
/// </summary>
public sealed class DroppedSublayers : IEquatable<DroppedSublayers>
{
    /// <summary>The key of the attention sublayers in config.json.</summary>
    internal const string AttentionKey = "drop_attn_list";

    /// <summary>The key of the MLP sublayers in config.json.</summary>
    internal const string MlpKey = "drop_mlp_list";

    private readonly SortedSet<Sublayer> _set;

    /// <summary>Drops the given ones.</summary>
    public DroppedSublayers(IEnumerable<Sublayer> sublayers)
    {
        ArgumentNullException.ThrowIfNull(sublayers);
        _set = [.. sublayers];
    }

    /// <summary>Nothing is dropped.</summary>
    public static DroppedSublayers None => new([]);

    /// <summary>How many.</summary>
    public int Count => _set.Count;

    /// <summary>All of them, in order of execution.</summary>
    public IReadOnlyCollection<Sublayer> Sublayers => _set;

    /// <summary>Whether a sublayer is dropped.</summary>
    public bool Contains(Sublayer sublayer) => _set.Contains(sublayer);

    /// <summary>These and more.</summary>
    public DroppedSublayers With(IEnumerable<Sublayer> more) => new(_set.Concat(more));

    /// <summary>By block, whether its half of that kind is dropped.</summary>
    public bool[] Mask(SublayerKind kind, int layers) => [.. Enumerable.Range(0, layers).Select(layer => Contains(new Sublayer(layer, kind)))];

    /// <inheritdoc/>
    public bool Equals(DroppedSublayers? other) => other is not null && _set.SetEquals(other._set);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DroppedSublayers);

    /// <inheritdoc/>
    public override int GetHashCode() => _set.Aggregate(17, HashCode.Combine);

    /// <inheritdoc/>
    public override string ToString() => Count == 0 ? "none" : string.Join(", ", _set);

    /// <summary>
    /// What a model is to go without, as config.json's two lists say it: either L booleans, one a block, or indices of blocks. What the model
    /// lacks already may be among them, and is not among the result.
    /// </summary>
    /// <param name="json">An object with drop_attn_list, drop_mlp_list, both or neither.</param>
    /// <param name="source">The file and the place in it, for errors.</param>
    /// <param name="config">The model.</param>
    /// <exception cref="InvalidInputException">A list of another length, an index twice or out of range, or no attention would be left.</exception>
    public static DroppedSublayers Read(JsonObject json, string source, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(config);
        var fields = new JsonFields(json, source);
        DroppedSublayers read = Read(fields, config.LayerCount);
        return config.Without(read).Sublayers().Any(s => s.Kind == SublayerKind.Attention)
            ? new DroppedSublayers(read._set.Where(s => !config.Dropped.Contains(s)))
            : throw fields.Error(AttentionKey, "at least one attention layer kept", "all of them dropped");
    }

    /// <summary>
    /// Reads both lists: either L booleans, one a block, or indices of blocks, the same in both. Absent, null or empty is nothing.
    /// </summary>
    /// <exception cref="InvalidInputException">
    /// A list of another length, an index twice or out of range, lists of two kinds, or nothing is left of attention.
    /// </exception>
    internal static DroppedSublayers Read(JsonFields fields, int layers)
    {
        // LLM-Drop's code writes both in one go; lists of two kinds come from two hands, and 0 and 1 may have been meant for either.
        if (IsMask(fields, AttentionKey) is { } isMask && IsMask(fields, MlpKey) == !isMask)
            throw fields.Error(MlpKey, $"a list of {Words(isMask)}, as {AttentionKey} is one", $"one of {Words(!isMask)}");
        var dropped = new DroppedSublayers([.. Read(fields, AttentionKey, SublayerKind.Attention, layers), .. Read(fields, MlpKey, SublayerKind.Mlp, layers)]);
        if (dropped._set.Count(s => s.Kind == SublayerKind.Attention) == layers)
            throw fields.Error(AttentionKey, "at least one attention layer kept", "all of them dropped");
        return dropped;
    }

    /// <summary>Writes both lists as L booleans; neither key is there when nothing is dropped.</summary>
    internal void Write(JsonObject json, int layers)
    {
        json.Remove(AttentionKey);
        json.Remove(MlpKey);
        if (Count == 0) return;
        json[AttentionKey] = new JsonArray([.. Mask(SublayerKind.Attention, layers).Select(drop => (JsonNode)drop)]);
        json[MlpKey] = new JsonArray([.. Mask(SublayerKind.Mlp, layers).Select(drop => (JsonNode)drop)]);
    }

    /// <summary>Whether a list is of booleans; null where nothing is listed.</summary>
    private static bool? IsMask(JsonFields fields, string key) =>
        fields.Json[key] is JsonArray { Count: > 0 } list ? list.All(item => item is JsonValue value && value.TryGetValue(out bool _)) : null;

    private static string Words(bool isMask) => isMask ? "booleans" : "layer numbers";

    private static IEnumerable<Sublayer> Read(JsonFields fields, string key, SublayerKind kind, int layers)
    {
        if (fields.Json[key] is not { } node) return [];
        if (node is not JsonArray list) throw fields.Error(key, "a list of booleans or of layer numbers");
        if (list.Count == 0) return [];
        if (IsMask(fields, key) == true)
        {
            if (list.Count != layers)
            {
                throw fields.Error(
                    key, string.Create(CultureInfo.InvariantCulture, $"{layers} booleans, one a layer"),
                    string.Create(CultureInfo.InvariantCulture, $"{list.Count}"));
            }

            return [.. list.Select((item, layer) => (Drop: item!.GetValue<bool>(), Layer: layer)).Where(l => l.Drop).Select(l => new Sublayer(l.Layer, kind))];
        }

        IReadOnlyList<int> indices = fields.OptionalInt32s(key, 0, layers - 1)!;
        if (indices.Distinct().Count() != indices.Count)
            throw fields.Error(key, "each layer once", string.Create(CultureInfo.InvariantCulture, $"{indices.GroupBy(i => i).First(g => g.Count() > 1).Key} twice"));
        return indices.Select(layer => new Sublayer(layer, kind));
    }
}
