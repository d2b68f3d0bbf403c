using System.Security.Cryptography;

namespace NativeFl.Cuda.Kernels;

/// <summary>
/// Cubins that the build made with nvcc: FILE.sm_90.cubin or, of a file written for one target, FILE.sm_90a.cubin; beside sources.sha256, which lists what they were made from. If a source
/// has changed since, a cubin would be called with arguments that it does not expect, so that it counts as absent.
/// </summary>
internal sealed class PrebuiltKernels(string folder, KernelSources sources)
{
    private readonly Lazy<Dictionary<string, string>> _hashes = new(() => ReadHashes(Path.Combine(folder, "sources.sha256")));

    /// <summary>The cubin of a file for a target, or null.</summary>
    public byte[]? Read(string name, KernelTarget target)
    {
        string file = Path.Combine(folder, $"{name}.{target}.cubin");
        if (!File.Exists(file) || !sources.Headers.Append(sources[name]).All(IsCurrent)) return null;
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // Lines such as "0123…ef  kernels/rms_norm.cu", as sha256sum writes them.
    private static Dictionary<string, string> ReadHashes(string file)
    {
        var hashes = new Dictionary<string, string>();
        try
        {
            foreach (string line in File.ReadLines(file))
            {
                string[] parts = line.Split(' ', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
                if (parts.Length == 2) hashes[parts[1].TrimStart('*')] = parts[0];
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            hashes.Clear();
        }
        return hashes;
    }

    private bool IsCurrent(KernelSource source) =>
        _hashes.Value.TryGetValue(source.Path, out string? hash) && hash.Equals(Convert.ToHexString(SHA256.HashData(source.Text)), StringComparison.OrdinalIgnoreCase);
}
