using Microsoft.Win32.SafeHandles;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// An output folder that appears by rename: the work goes into a temporary sibling, <see cref="Commit"/> gives it the name. Without a
/// commit <see cref="Dispose"/> removes everything again.
/// </summary>
public sealed class OutputFolder : IDisposable
{
    private readonly List<string> _createdParents;
    private bool _done;

    private OutputFolder(string target, string work, List<string> createdParents)
    {
        Target = target;
        WorkPath = work;
        _createdParents = createdParents;
    }

    /// <summary>The folder's name after the commit, as an absolute path.</summary>
    public string Target { get; }

    /// <summary>The temporary folder to work in.</summary>
    public string WorkPath { get; }

    /// <summary>Makes the temporary folder, and the parents of the target if they are missing.</summary>
    /// <param name="target">The folder to make.</param>
    /// <param name="force">Whether a folder that is there, and not empty, may be replaced.</param>
    /// <exception cref="InvalidInputException">The target is a file, one that may not be replaced, or cannot be made.</exception>
    public static OutputFolder Create(string target, bool force)
    {
        string flag = $"--out {target}";
        if (string.IsNullOrWhiteSpace(target) || target.Contains('\0', StringComparison.Ordinal))
            throw new InvalidInputException("--out", "a folder", JsonFile.Quote(target));
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        if (File.Exists(full)) throw new InvalidInputException(flag, "an empty or new folder", "a file");
        List<string> parents = [];
        try
        {
            if (Directory.Exists(full) && Directory.EnumerateFileSystemEntries(full).Any())
            {
                if (!force) throw new InvalidInputException(flag, "an empty or new folder (or --force)", "a folder that is not empty");
                if (Contains(full, Directory.GetCurrentDirectory()))
                    throw new InvalidInputException(flag, "a folder to replace", "the current folder or one around it");
            }

            string? parent = Path.GetDirectoryName(full);
            for (; parent is not null && !Directory.Exists(parent); parent = Path.GetDirectoryName(parent)) parents.Add(parent);
            string work = AtomicFile.TemporarySibling(full);
            Directory.CreateDirectory(work);
            return new OutputFolder(full, work, parents);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(flag, "a folder that can be made", e.Message, e);
        }
    }

    /// <summary>Flushes every file to disk and gives the folder its name; a folder that had the name is deleted after that.</summary>
    /// <exception cref="RunFailedException">A file cannot be flushed or the folder renamed; the old one is still there.</exception>
    public void Commit()
    {
        ObjectDisposedException.ThrowIf(_done, this);
        try
        {
            foreach (string file in Directory.EnumerateFiles(WorkPath, "*", SearchOption.AllDirectories)) Flush(file);
            string? old = null;
            if (Directory.Exists(Target))
            {
                old = AtomicFile.TemporarySibling(Target);
                Directory.Move(Target, old);
            }

            MoveIn(old);
            _done = true;
            if (old is not null) Delete(old);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunFailedException($"{Target}: could not be written: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_done) return;
        _done = true;
        Delete(WorkPath);
        foreach (string parent in _createdParents)
        {
            if (!Directory.Exists(parent) || Directory.EnumerateFileSystemEntries(parent).Any()) break;
            Delete(parent);
        }
    }

    private static void Flush(string file)
    {
        // Windows flushes only what may be written; elsewhere a read-only file can be flushed as well.
        FileAccess access = OperatingSystem.IsWindows() ? FileAccess.ReadWrite : FileAccess.Read;
        using SafeFileHandle handle = File.OpenHandle(file, FileMode.Open, access, FileShare.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }

    private static bool Contains(string folder, string path)
    {
        string prefix = Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar;
        return (path + Path.DirectorySeparatorChar).StartsWith(prefix, StringComparison.Ordinal);
    }

    // What cannot be deleted stays behind under its temporary name; the result itself is in place or untouched.
    private static void Delete(string folder)
    {
        try
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    private void MoveIn(string? old)
    {
        bool moved = false;
        try
        {
            Directory.Move(WorkPath, Target);
            moved = true;
        }
        finally
        {
            if (!moved && old is not null) Directory.Move(old, Target);
        }
    }
}
