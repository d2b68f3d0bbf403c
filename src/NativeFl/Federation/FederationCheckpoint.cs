using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// A <see cref="ServerState"/> on disk: state.json {"round", "global", "beside", "own": [client ids]} and, where there are any, PEFT folders
/// global, beside and own/client-NN. The f32 values come back bit for bit. The base is a checkpoint of its own.
/// </summary>
public static class FederationCheckpoint
{
    private const string FileName = "state.json";

    /// <summary>Writes into an existing folder; state.json comes last, so a folder that has it is whole.</summary>
    public static void Save(string folder, ServerState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var settings = new AdapterSettings();
        if (state.Global is { } global) AdapterFolder.Save(Path.Combine(folder, "global"), global, settings);
        if (state.Beside is { } beside) AdapterFolder.Save(Path.Combine(folder, "beside"), beside, settings);
        foreach ((int id, AdapterWeights adapter) in state.Own) AdapterFolder.Save(OwnFolder(folder, id), adapter, settings);
        var json = new JsonObject
        {
            ["round"] = state.Round,
            ["global"] = state.Global is not null,
            ["beside"] = state.Beside is not null,
            ["own"] = new JsonArray([.. state.Own.Keys.Order().Select(id => (JsonNode)id)]),
        };
        AtomicFile.WriteText(Path.Combine(folder, FileName), json.ToJsonString() + "\n");
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="config">The base's.</param>
    /// <exception cref="InvalidInputException">The folder is not such a checkpoint, or one for another model.</exception>
    public static ServerState Load(string folder, ModelConfig config)
    {
        string path = Path.Combine(folder, FileName);
        JsonObject json = JsonFile.Read(path);
        return new ServerState
        {
            Round = Number(json["round"], $"{path}: round"),
            Global = Has(json, "global", path) ? AdapterFolder.Load(Path.Combine(folder, "global"), config).Weights : null,
            Beside = Has(json, "beside", path) ? AdapterFolder.Load(Path.Combine(folder, "beside"), config).Weights : null,
            Own = Owners(json, path).ToDictionary(id => id, id => AdapterFolder.Load(OwnFolder(folder, id), config).Weights),
        };
    }

    private static string OwnFolder(string folder, int id) =>
        Path.Combine(folder, "own", string.Create(CultureInfo.InvariantCulture, $"client-{id:00}"));

    private static bool Has(JsonObject json, string name, string path) =>
        json[name]?.GetValueKind() switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw new InvalidInputException($"{path}: {name}", "true or false", json[name]?.ToJsonString() ?? "nothing"),
        };

    private static HashSet<int> Owners(JsonObject json, string path)
    {
        string where = $"{path}: own";
        if (json["own"] is not JsonArray own) throw new InvalidInputException(where, "an array of client ids", json["own"]?.ToJsonString() ?? "nothing");
        HashSet<int> ids = [.. own.Select(id => Number(id, where))];
        return ids.Count == own.Count ? ids : throw new InvalidInputException(where, "each client once", own.ToJsonString());
    }

    private static int Number(JsonNode? node, string where) =>
        node is JsonValue value && value.TryGetValue(out int number) && number >= 0
            ? number
            : throw new InvalidInputException(where, "a whole number of 0 or more", node?.ToJsonString() ?? "nothing");
}
