using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// Which client goes without what: {"3": {"drop_attn_list": [4, 5], "drop_mlp_list": []}, …}, by client the two lists of config.json, L booleans
/// or layer numbers each. Who is not named has the whole model.
/// </summary>
public static class ClientDropsFile
{
    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="config">The base; what it lacks already may be named again.</param>
    /// <param name="clients">How many clients there are.</param>
    /// <returns>What the clients that are named go without, by id.</returns>
    /// <exception cref="InvalidInputException">It is no such file, or of other clients or another model.</exception>
    public static IReadOnlyDictionary<int, DroppedSublayers> Read(string path, ModelConfig config, int clients)
    {
        var drops = new SortedDictionary<int, DroppedSublayers>();
        foreach ((string key, JsonNode? value) in JsonFile.Read(path)) drops.Add(Client(path, key, clients), Read(path, key, value, config));
        return drops;
    }

    private static int Client(string path, string key, int clients) =>
        int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id < clients && id.ToString(CultureInfo.InvariantCulture) == key
            ? id
            : throw new InvalidInputException(path, string.Create(CultureInfo.InvariantCulture, $"clients from 0 to {clients - 1}"), JsonFile.Quote(key));

    private static DroppedSublayers Read(string path, string key, JsonNode? value, ModelConfig config)
    {
        string where = $"{path}: client {key}", expected = $"{DroppedSublayers.AttentionKey} and {DroppedSublayers.MlpKey}";
        if (value is not JsonObject lists) throw new InvalidInputException(where, $"an object with {expected}", JsonFields.Describe(value));
        string? other = lists.Select(member => member.Key).FirstOrDefault(name => name is not (DroppedSublayers.AttentionKey or DroppedSublayers.MlpKey));
        return other is null
            ? DroppedSublayers.Read(lists, where, config)
            : throw new InvalidInputException(where, $"only {expected}", JsonFile.Quote(other));
    }
}
