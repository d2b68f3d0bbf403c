using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// Where a shard that an index names really is. An index may come from anyone, so it may only name files of its own folder: neither a
/// path nor a symbolic link leads out.
/// </summary>
internal static class ShardPath
{
    /// <summary>The path to open.</summary>
    /// <exception cref="InvalidInputException">The name leads out of the folder.</exception>
    public static string Resolve(string folder, string name, string index)
    {
        bool isPlain = name.Length is > 0 and <= 255 && name is not ("." or "..")
            && name.AsSpan().IndexOfAny("/\\:") < 0 && !name.Any(char.IsControl);
        if (!isPlain) throw new InvalidInputException($"{index}: weight_map", "file names inside the folder", JsonFile.Quote(name));
        string home = RealFolder(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), path = Path.Combine(home, name);
        FileInfo file = new(path);
        if (file.LinkTarget is null) return Path.Combine(folder, name);

        string target;
        try
        {
            target = file.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;
        }
        catch (IOException e)
        {
            throw new InvalidInputException(path, "a file", "a symbolic link that cannot be followed", e);
        }

        // The target is opened in place of the link, so that what was checked is what is read.
        string? parent = Path.GetDirectoryName(target);
        if (parent == home || parent == BlobFolder(home)) return target;
        throw new InvalidInputException(path, "a file inside the folder", "a symbolic link to " + JsonFile.Quote(target));
    }

    private static string RealFolder(string folder)
    {
        DirectoryInfo info = new(folder);
        return Path.TrimEndingDirectorySeparator(info.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? info.FullName);
    }

    // The Hugging Face cache keeps NAME/snapshots/REVISION/file as a link to NAME/blobs/HASH.
    private static string? BlobFolder(string home)
    {
        string? snapshots = Path.GetDirectoryName(home);
        return Path.GetFileName(snapshots) == "snapshots" ? Path.Combine(Path.GetDirectoryName(snapshots)!, "blobs") : null;
    }
}
