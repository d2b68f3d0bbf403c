using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>
/// OUT/checkpoint/server-NNNN: the server's state after round NNNN and the rounds' numbers; its base, if a round changed it, is
/// OUT/checkpoint/base-NNNN, in f32, NNNN the last round that did. A folder has its name only when it is whole, and an older one goes only
/// after that: at any moment the newest server is the one to resume from. Beside it OUT/checkpoint/training holds where the clients of the next
/// round stood.
/// </summary>
/// <param name="State">The state after the last whole round.</param>
/// <param name="BaseFolder">The base as it then was; null: as it came.</param>
/// <param name="Rounds">The numbers of the rounds done.</param>
internal sealed record FederationResume(ServerState State, string? BaseFolder, IReadOnlyList<JsonObject> Rounds)
{
    private const string RoundsFile = "rounds.json", ServerPrefix = "server-", BasePrefix = "base-";

    /// <summary>Where the trainer keeps its own checkpoints.</summary>
    public static string TrainingFolder(string folder) => Path.Combine(CheckpointFolder(folder), "training");

    /// <summary>Writes the checkpoint of this round, then removes those before it; what the clients had in flight is done with.</summary>
    public static void Save(string folder, ServerState state, Transformer model, IEnumerable<JsonObject> rounds)
    {
        if (state.BaseRound == state.Round)
        {
            using OutputFolder changed = OutputFolder.Create(FolderOf(folder, BasePrefix, state.Round), force: true);
            model.Save(changed.WorkPath, DType.F32, copyTokenizerFrom: null);
            changed.Commit();
        }

        using OutputFolder server = OutputFolder.Create(FolderOf(folder, ServerPrefix, state.Round), force: true);
        FederationCheckpoint.Save(server.WorkPath, state);
        var array = new JsonArray([.. rounds.Select(round => round.DeepClone())]);
        AtomicFile.WriteText(Path.Combine(server.WorkPath, RoundsFile), JsonOutput.Write(array));
        server.Commit();
        foreach (string older in Folders(folder, ServerPrefix).Where(other => RoundOf(other) < state.Round)) Directory.Delete(older, recursive: true);
        foreach (string older in Folders(folder, BasePrefix).Where(other => RoundOf(other) < state.BaseRound)) Directory.Delete(older, recursive: true);
        if (Directory.Exists(TrainingFolder(folder))) Directory.Delete(TrainingFolder(folder), recursive: true);
    }

    /// <summary>Reads the checkpoint; null if the run was stopped before its first round was whole.</summary>
    public static FederationResume? Load(string folder, ModelConfig config)
    {
        if (Folders(folder, ServerPrefix).MaxBy(RoundOf) is not { } server) return null;
        ServerState state = FederationCheckpoint.Load(server, config);
        string? changed = state.BaseRound == 0 ? null : FolderOf(folder, BasePrefix, state.BaseRound);
        return new FederationResume(state, changed, ReadRounds(Path.Combine(server, RoundsFile), state.Round));
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

    private static string FolderOf(string folder, string prefix, int round) =>
        Path.Combine(CheckpointFolder(folder), string.Create(CultureInfo.InvariantCulture, $"{prefix}{round:0000}"));

    private static string[] Folders(string folder, string prefix) =>
        [.. Directory.GetDirectories(CheckpointFolder(folder), prefix + "*").Where(found => RoundOf(found) >= 0)];

    // -1: of another name.
    private static int RoundOf(string found) =>
        int.TryParse(found.AsSpan(found.LastIndexOf('-') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int round) ? round : -1;
}
