using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// A <see cref="ServerState"/> on disk: state.json {"round", "base_round", "initial_eval", "global", "beside", "own": [client ids]} and, where there
/// are any, PEFT folders global, beside and own/client-NN. The f32 values come back bit for bit. The base is a checkpoint of its own.
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
            ["base_round"] = state.BaseRound,
            ["initial_eval"] = state.InitialEvaluation is { } figures
                ? new JsonObject(figures.Select(f => KeyValuePair.Create(f.Key, double.IsFinite(f.Value) ? (JsonNode?)f.Value : null)))
                : null,
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
        JsonFields fields = new(JsonFile.Read(path), path);
        int round = fields.Int32("round", 0, int.MaxValue);
        return new ServerState
        {
            Round = round,
            BaseRound = fields.Int32("base_round", 0, round),
            InitialEvaluation = Evaluation(fields),
            Global = Has(fields, "global") ? AdapterFolder.Load(Path.Combine(folder, "global"), config).Weights : null,
            Beside = Has(fields, "beside") ? AdapterFolder.Load(Path.Combine(folder, "beside"), config).Weights : null,
            Own = Owners(fields).ToDictionary(id => id, id => AdapterFolder.Load(OwnFolder(folder, id), config).Weights),
        };
    }

    private static string OwnFolder(string folder, int id) =>
        Path.Combine(folder, "own", string.Create(CultureInfo.InvariantCulture, $"client-{id:00}"));

    private static bool Has(JsonFields fields, string name) =>
        fields.Has(name) ? fields.Bool(name, otherwise: false) : throw fields.Error(name, "true or false", "nothing");

    private static HashSet<int> Owners(JsonFields fields)
    {
        if (fields.Json["own"] is not JsonArray) throw fields.Error("own", "an array of client ids");
        IReadOnlyList<int> own = fields.OptionalInt32s("own", 0, int.MaxValue)!;
        HashSet<int> ids = [.. own];
        return ids.Count == own.Count ? ids : throw fields.Error("own", "each client once");
    }

    // null: not finite.
    private static Dictionary<string, double>? Evaluation(JsonFields fields)
    {
        if (fields.OptionalObject("initial_eval") is not { } figures) return null;
        return figures.Json.ToDictionary(
            f => f.Key,
            f => f.Value is null ? double.NaN : JsonFields.TryDouble(f.Value, out double figure) ? figure : throw fields.Error("initial_eval", "numbers"));
    }
}
