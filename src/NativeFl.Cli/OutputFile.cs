using NativeFl.Cli.Flags;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>--out of the verbs that write one file.</summary>
internal static class OutputFile
{
    /// <summary>Checks that the file may be written, before any work.</summary>
    public static string Claim(VerbRun run)
    {
        string path = run.Get(OutputFlags.File), where = $"{run.Flags.Source(OutputFlags.File)} {path}";
        if (Directory.Exists(path)) throw new InvalidInputException(where, "a new file", "a folder");
        if (!run.Get(SharedFlags.Force) && File.Exists(path) && new FileInfo(path).Length > 0)
            throw new InvalidInputException(where, "a new file (or --force)", "a file that is not empty");
        return path;
    }

    /// <summary>Makes the folder that the file goes into.</summary>
    public static void MakeParent(string path) => Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
}
