using System.Text;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>Files that appear whole or not at all: written beside the target, flushed to disk, then renamed over it.</summary>
public static class AtomicFile
{
    /// <summary>Writes a file; one that is already there is replaced at the end, or left alone if anything fails.</summary>
    /// <exception cref="RunFailedException">The disk is full, the folder is missing or may not be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        string temporary = TemporarySibling(path);
        bool done = false;
        try
        {
            using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
            done = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunFailedException($"{path}: could not be written: {e.Message}", e);
        }
        finally
        {
            if (!done) Remove(temporary);
        }
    }

    /// <summary>Writes text as UTF-8.</summary>
    /// <exception cref="RunFailedException">The disk is full, the folder is missing or may not be written.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>A name for a temporary file or folder beside <paramref name="path"/>, so that it can be renamed to it.</summary>
    internal static string TemporarySibling(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string name = $".{Path.GetFileName(full)}.{Path.GetRandomFileName()}.tmp";
        return Path.Combine(Path.GetDirectoryName(full) ?? full, name);
    }

    /// <summary>Deletes a temporary file as far as that is possible: what failed before is the error worth reporting.</summary>
    internal static void Remove(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
