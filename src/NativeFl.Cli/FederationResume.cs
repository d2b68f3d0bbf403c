using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>
/// OUT/checkpoint/server-NNNN: the server's state after round NNNN, its base in f32 where the method changed it, and the rounds' numbers.
/// A folder has its name only when it is whole, and an older one goes only after that: at any moment the newest is the one to resume from.
/// Beside it OUT/checkpoint/training holds where the clients of the next round stood.
/// </summary>
/// <param name="State">The state after the last whole round.</param>
/// <param name="BaseFolder">The base as it then was; null: as it came.</param>
/// <param name="Rounds">The numbers of the rounds done.</param>
internal sealed record FederationResume(ServerState State, string? BaseFolder, IReadOnlyList<JsonObject> Rounds)
{
    private const string RoundsFile = "rounds.json", ServerPrefix = "server-";

    /// <summary>Where the trainer keeps its own checkpoints.</summary>
    public static string TrainingFolder(string folder) => Path.Combine(CheckpointFolder(folder), "training");

    /// <summary>Writes the checkpoint of this round, then removes those before it; what the clients had in flight is done with.</summary>
    public static void Save(string folder, ServerState state, Transformer? changedBase, IEnumerable<JsonObject> rounds)
    {
        string target = Path.Combine(CheckpointFolder(folder), string.Create(CultureInfo.InvariantCulture, $"{ServerPrefix}{state.Round:0000}"));
        using OutputFolder server = OutputFolder.Create(target, force: true);
        FederationCheckpoint.Save(server.WorkPath, state);
        if (changedBase is not null)
        {
            string work = Directory.CreateDirectory(Path.Combine(server.WorkPath, "base")).FullName;
            changedBase.Save(work, DType.F32, copyTokenizerFrom: null);
        }

        var array = new JsonArray([.. rounds.Select(round => round.DeepClone())]);
        AtomicFile.WriteText(Path.Combine(server.WorkPath, RoundsFile), JsonOutput.Write(array));
        server.Commit();
        foreach (string older in ServerFolders(folder).Where(other => RoundOf(other) < state.Round)) Directory.Delete(older, recursive: true);
        if (Directory.Exists(TrainingFolder(folder))) Directory.Delete(TrainingFolder(folder), recursive: true);
    }

    /// <summary>Reads the checkpoint; null if the run was stopped before its first round was whole.</summary>
    public static FederationResume? Load(string folder, ModelConfig config)
    {
        if (ServerFolders(folder).MaxBy(RoundOf) is not { } server) return null;
        string changed = Path.Combine(server, "base"), rounds = Path.Combine(server, RoundsFile);
        ServerState state = FederationCheckpoint.Load(server, config);
        return new FederationResume(state, Directory.Exists(changed) ? changed : null, ReadRounds(rounds, state.Round));
    }

    private static IReadOnlyList<JsonObject> ReadRounds(string path, int count)
    {
        if (!File.Exists(path)) throw new InvalidInputException(path, "the rounds of a federation", "no such file");
        using JsonDocument document = JsonInput.Read(path);
        return document.RootElement.ValueKind == JsonValueKind.Array && FederationJson.Rounds(JsonArray.Create(document.RootElement.Clone())!) is { } rounds
            && rounds.Count == count
            ? rounds
            : throw new InvalidInputException(path, $"the {count} rounds that this federation has done", "something else");
    }

    private static string CheckpointFolder(string folder) => Path.Combine(folder, "checkpoint");

    private static string[] ServerFolders(string folder) =>
        [.. Directory.GetDirectories(CheckpointFolder(folder), ServerPrefix + "*").Where(server => RoundOf(server) >= 0)];

    // -1: of another name.
    private static int RoundOf(string server) =>
        int.TryParse(Path.GetFileName(server.AsSpan())[ServerPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int round) ? round : -1;
}
