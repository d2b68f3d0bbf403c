using NativeFl.Cli.Flags;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>
/// --out of a run that can be stopped and resumed: it appears once the inputs have proved valid, holds checkpoint/ while the run goes
/// on, and run.json when it is done.
/// </summary>
internal sealed class ResumableFolder
{
    private const string CheckpointName = "checkpoint";

    private readonly VerbRun _run;
    private RunIdentity? _identity;

    private ResumableFolder(VerbRun run, string path)
    {
        _run = run;
        Path = path;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Where checkpoints go.</summary>
    public string Checkpoint => System.IO.Path.Combine(Path, CheckpointName);

    /// <summary>Checks the target, before any work: empty, or --force, or --resume with something to resume.</summary>
    public static ResumableFolder Claim(VerbRun run)
    {
        string path = run.Get(OutputFlags.Folder), where = $"{run.Flags.Source(OutputFlags.Folder)} {path}";
        var folder = new ResumableFolder(run, path);
        if (run.Get(TrainingFlags.Resume))
        {
            if (!Directory.Exists(folder.Checkpoint)) throw new InvalidInputException(where, "a folder with a checkpoint to resume from", "none");
            return folder;
        }

        using OutputFolder probe = OutputFolder.Create(path, run.Get(SharedFlags.Force));
        return folder;
    }

    /// <summary>Says which run this is, once its inputs are read; --resume is refused where the folder holds another.</summary>
    public void Identify(RunIdentity identity)
    {
        _identity = identity;
        if (_run.Get(TrainingFlags.Resume)) identity.RequireIn(Checkpoint, _run.Flags);
    }

    /// <summary>Makes the folder, with nothing in it but which run this is, unless the run goes on in it.</summary>
    public void Begin()
    {
        if (_run.Get(TrainingFlags.Resume)) return;
        using OutputFolder output = OutputFolder.Create(Path, _run.Get(SharedFlags.Force));
        _identity!.Save(System.IO.Path.Combine(output.WorkPath, CheckpointName));
        output.Commit();
    }

    /// <summary>Removes the checkpoint of a run that is done and writes run.json, the sign of it.</summary>
    public void Complete(System.Text.Json.Nodes.JsonObject results)
    {
        if (Directory.Exists(Checkpoint)) Directory.Delete(Checkpoint, recursive: true);
        RunRecord.Write(Path, _run, results);
    }
}
