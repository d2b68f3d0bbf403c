using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.DataRefinement;
using NativeFl.Models;
using NativeFl.Reports;
using NativeFl.Tensors;
using NativeFl.Valuation;

namespace NativeFl.Cli;

/// <summary>
/// --out of refine value: the clusters from the start, and what a stopped run goes on from, which is the table of what was measured, or, where
/// values come out of one training, its checkpoint while it goes on; values.json, report.html and run.json when it is done. A folder that has such
/// a thing is gone on with, whatever ended the run that made it; one of another game is refused, unless --force replaces it.
/// </summary>
internal sealed class ValueOutput : IDisposable
{
    private const string CheckpointName = "checkpoint", GameName = "game.json", GameMember = "game", StateName = "in-run.safetensors";

    private readonly VerbRun _run;
    private readonly CoalitionValuesFile? _table;

    private ValueOutput(VerbRun run, CoalitionValuesFile? table) => (_run, Path, _table) = (run, run.Get(OutputFlags.Folder), table);

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>What was measured so far, here or in a run before.</summary>
    public CoalitionValues Values => _table?.Values ?? throw new InvalidOperationException("these values come from no table");

    /// <summary>Where a training keeps its state.</summary>
    public static string StateOf(VerbRun run) => System.IO.Path.Combine(run.Get(OutputFlags.Folder), CheckpointName, StateName);

    /// <summary>Refuses, before any work, a folder that may not be written to.</summary>
    public static void Check(VerbRun run)
    {
        bool isTraining = run.Get(RefineValueFlags.Estimator) == RefineValueFlags.InRun;
        if (GoesOn(run, isTraining ? SignOf(run.Get(OutputFlags.Folder)) : TableOf(run))) return;
        using OutputFolder probe = OutputFolder.Create(run.Get(OutputFlags.Folder), run.Get(SharedFlags.Force));
    }

    /// <summary>Opens the folder of a game, or makes it.</summary>
    public static ValueOutput Open(VerbRun run, ClusterFolder clusters, int players, string game)
    {
        if (!GoesOn(run, TableOf(run))) Make(run, clusters, folder => CoalitionValuesFile.Open(folder, players, game).Dispose());
        return new ValueOutput(run, CoalitionValuesFile.Open(run.Get(OutputFlags.Folder), players, game));
    }

    /// <summary>Opens the folder of values that come out of one training, or makes it.</summary>
    public static ValueOutput OpenTraining(VerbRun run, ClusterFolder clusters, string game)
    {
        string sign = SignOf(run.Get(OutputFlags.Folder));
        if (!GoesOn(run, sign))
        {
            Make(run, clusters, folder =>
            {
                Directory.CreateDirectory(System.IO.Path.Combine(folder, CheckpointName));
                AtomicFile.WriteText(SignOf(folder), JsonOutput.Write(new JsonObject { [GameMember] = game }, indented: true) + "\n");
            });
        }
        else
        {
            using JsonDocument document = JsonInput.Read(sign);
            bool isOwn = document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(GameMember, out JsonElement saved) && saved.ToString() == game;
            if (!isOwn) throw new InvalidInputException(sign, "this model, data and training (or --force)", "those of another run");
        }

        return new ValueOutput(run, null);
    }

    /// <summary>Puts a batch on the disk.</summary>
    public void Append(IReadOnlyList<KeyValuePair<Coalition, double?>> batch) => _table!.Append(batch);

    /// <summary>Writes what came out; run.json, the sign that it is complete, last. A checkpoint has had its day then.</summary>
    public void Complete(ProxyValues values, JsonObject result, HtmlReport report)
    {
        ValueFolder.Write(Path, values);
        ReportFile.Write(Path, _run, report);
        RunRecord.Write(Path, _run, result);
        if (_table is null) Directory.Delete(System.IO.Path.Combine(Path, CheckpointName), recursive: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _table?.Dispose();

    private static string TableOf(VerbRun run) => System.IO.Path.Combine(run.Get(OutputFlags.Folder), CoalitionValuesFile.FileName);

    private static string SignOf(string folder) => System.IO.Path.Combine(folder, CheckpointName, GameName);

    private static bool GoesOn(VerbRun run, string sign) => !run.Get(SharedFlags.Force) && File.Exists(sign);

    // With the sign by which a run after this one sees that the folder is one to go on with.
    private static void Make(VerbRun run, ClusterFolder clusters, Action<string> sign)
    {
        using OutputFolder output = OutputFolder.Create(run.Get(OutputFlags.Folder), run.Get(SharedFlags.Force));
        clusters.Write(output.WorkPath);
        sign(output.WorkPath);
        output.Commit();
    }
}
