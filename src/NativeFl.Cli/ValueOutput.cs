using NativeFl.Cli.Flags;
using NativeFl.DataRefinement;
using NativeFl.Models;
using NativeFl.Reports;
using NativeFl.Valuation;

namespace NativeFl.Cli;

/// <summary>
/// --out of refine value: the clusters, and the table of what was measured, from the first batch on; values.json, report.html and run.json when it
/// is done. Values that come from no table are written all at once. A folder that has a table is gone on with, whatever ended the run that made it; one of another game is refused, unless --force replaces it.
/// </summary>
internal sealed class ValueOutput : IDisposable
{
    private readonly VerbRun _run;
    private readonly CoalitionValuesFile? _table;
    private readonly OutputFolder? _whole;

    private ValueOutput(VerbRun run, CoalitionValuesFile? table, OutputFolder? whole)
    {
        (_run, Path, _table, _whole) = (run, run.Get(OutputFlags.Folder), table, whole);
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>What was measured so far, here or in a run before.</summary>
    public CoalitionValues Values => _table?.Values ?? throw new InvalidOperationException("these values come from no table");

    /// <summary>Refuses, before any work, a folder that may not be written to.</summary>
    public static void Check(VerbRun run)
    {
        if (GoesOn(run, run.Get(OutputFlags.Folder))) return;
        using OutputFolder probe = OutputFolder.Create(run.Get(OutputFlags.Folder), run.Get(SharedFlags.Force));
    }

    /// <summary>Opens the folder of a game, or makes it.</summary>
    public static ValueOutput Open(VerbRun run, ClusterFolder clusters, int players, string game)
    {
        string path = run.Get(OutputFlags.Folder);
        if (!GoesOn(run, path)) Make(run, clusters, players, game);
        return new ValueOutput(run, CoalitionValuesFile.Open(path, players, game), null);
    }

    /// <summary>A folder for values that come from no table: it appears when it is complete.</summary>
    public static ValueOutput Create(VerbRun run) => new(run, null, OutputFolder.Create(run.Get(OutputFlags.Folder), run.Get(SharedFlags.Force)));

    /// <summary>Puts a batch on the disk.</summary>
    public void Append(IReadOnlyList<KeyValuePair<Coalition, double?>> batch) => _table!.Append(batch);

    /// <summary>Writes what came out; run.json, the sign that it is complete, last.</summary>
    public void Complete(ClusterFolder clusters, ProxyValues values, System.Text.Json.Nodes.JsonObject result, HtmlReport report)
    {
        string folder = _whole?.WorkPath ?? Path;
        if (_whole is not null) clusters.Write(folder);
        ValueFolder.Write(folder, values);
        ReportFile.Write(folder, _run, report);
        RunRecord.Write(folder, _run, result);
        _whole?.Commit();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _table?.Dispose();
        _whole?.Dispose();
    }

    private static bool GoesOn(VerbRun run, string path) =>
        !run.Get(SharedFlags.Force) && File.Exists(System.IO.Path.Combine(path, CoalitionValuesFile.FileName));

    // With the table, by which a run after this one sees that the folder is one to go on with.
    private static void Make(VerbRun run, ClusterFolder clusters, int players, string game)
    {
        using OutputFolder output = OutputFolder.Create(run.Get(OutputFlags.Folder), run.Get(SharedFlags.Force));
        clusters.Write(output.WorkPath);
        CoalitionValuesFile.Open(output.WorkPath, players, game).Dispose();
        output.Commit();
    }
}
