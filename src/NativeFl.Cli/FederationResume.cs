using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>
/// OUT/checkpoint/server: the server's state after a round, its base in f32 where the method changed it, and the rounds' numbers.
/// Beside it OUT/checkpoint/training holds where the clients of the next round stood.
/// </summary>
/// <param name="State">The state after the last whole round.</param>
/// <param name="BaseFolder">The base as it then was; null: as it came.</param>
/// <param name="Rounds">The numbers of the rounds done.</param>
internal sealed record FederationResume(ServerState State, string? BaseFolder, IReadOnlyList<JsonObject> Rounds)
{
    private const string RoundsFile = "rounds.json";

    /// <summary>Where the trainer keeps its own checkpoints.</summary>
    public static string TrainingFolder(string folder) => Path.Combine(folder, "checkpoint", "training");

    /// <summary>Replaces the checkpoint by one of this round; what the clients had in flight is done with.</summary>
    public static void Save(string folder, ServerState state, Transformer? changedBase, IEnumerable<JsonObject> rounds)
    {
        using OutputFolder server = OutputFolder.Create(ServerFolder(folder), force: true);
        FederationCheckpoint.Save(server.WorkPath, state);
        if (changedBase is not null)
        {
            string work = Directory.CreateDirectory(Path.Combine(server.WorkPath, "base")).FullName;
            changedBase.Save(work, DType.F32, copyTokenizerFrom: null);
        }

        var array = new JsonArray([.. rounds.Select(round => round.DeepClone())]);
        AtomicFile.WriteText(Path.Combine(server.WorkPath, RoundsFile), JsonOutput.Write(array));
        server.Commit();
        if (Directory.Exists(TrainingFolder(folder))) Directory.Delete(TrainingFolder(folder), recursive: true);
    }

    /// <summary>Reads the checkpoint; null if the run was stopped before its first round was whole.</summary>
    public static FederationResume? Load(string folder, ModelConfig config)
    {
        string server = ServerFolder(folder), changed = Path.Combine(server, "base"), rounds = Path.Combine(server, RoundsFile);
        if (!Directory.Exists(server)) return null;
        ServerState state = FederationCheckpoint.Load(server, config);
        try
        {
            JsonArray array = JsonNode.Parse(File.ReadAllText(rounds))!.AsArray();
            return new FederationResume(state, Directory.Exists(changed) ? changed : null, [.. array.Select(round => round!.AsObject())]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FileNotFoundException)
        {
            throw new InvalidInputException(rounds, "the rounds of a federation", "something else", e);
        }
    }

    private static string ServerFolder(string folder) => Path.Combine(folder, "checkpoint", "server");
}
