using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>What a file, or a folder of weights, holds, as a hash: all of a small file, and evenly spread blocks of a large one.</summary>
internal static class InputHash
{
    private const int BlockBytes = 1 << 16, Blocks = 256;

    /// <summary>The hash of a file, or of the configuration and the weights of a folder, with their names.</summary>
    public static string Of(string path)
    {
        var hash = new ContentHash();
        if (File.Exists(path))
        {
            Add(hash, path);
            return hash.ToString();
        }

        foreach (string file in Files(path).Where(File.Exists).Order(StringComparer.Ordinal))
        {
            hash.Add(Path.GetFileName(file));
            Add(hash, file);
        }

        return hash.ToString();
    }

    // Beside a single file of weights there may be others that the model does not read; shards are all there is.
    private static IEnumerable<string> Files(string folder)
    {
        string single = Path.Combine(folder, Checkpoint.SingleFile), adapter = Path.Combine(folder, AdapterFolder.WeightsFile);
        string[] weights = File.Exists(single) || File.Exists(adapter) ? [single, adapter] : Directory.GetFiles(folder, "*.safetensors");
        return [Path.Combine(folder, "config.json"), Path.Combine(folder, "adapter_config.json"), .. weights];
    }

    private static void Add(ContentHash hash, string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        long length = stream.Length, last = Math.Max(0, length - BlockBytes);
        bool isSmall = length <= (long)BlockBytes * Blocks;
        long blocks = isSmall ? (length + BlockBytes - 1) / BlockBytes : Blocks;
        var block = new byte[BlockBytes];
        hash.Add(length);
        for (long i = 0; i < blocks; i++)
        {
            stream.Position = isSmall ? i * BlockBytes : (long)((Int128)last * i / (Blocks - 1));
            int count = stream.ReadAtLeast(block, BlockBytes, throwOnEndOfStream: false);
            hash.Add<byte>(block.AsSpan(0, count));
        }
    }
}
