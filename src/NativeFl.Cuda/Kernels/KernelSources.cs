using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;

namespace NativeFl.Cuda.Kernels;

/// <summary>Every file of device code, as embedded in this assembly.</summary>
internal sealed partial class KernelSources
{
    private readonly Dictionary<string, KernelSource> _kernels;

    /// <summary>Kernels (.cu) and the headers that any of them may include (.cuh).</summary>
    public KernelSources(IEnumerable<KernelSource> files)
    {
        KernelSource[] ordered = [.. files.OrderBy(file => file.Path, StringComparer.Ordinal)];
        _kernels = ordered.Where(file => file.Path.EndsWith(".cu", StringComparison.Ordinal)).ToDictionary(file => file.Name);
        Headers = [.. ordered.Where(file => file.Path.EndsWith(".cuh", StringComparison.Ordinal))];
    }

    /// <summary>The headers in ordinal order.</summary>
    public IReadOnlyList<KernelSource> Headers { get; }

    /// <summary>The names of the kernel files in ordinal order.</summary>
    public IEnumerable<string> Names => _kernels.Keys.Order(StringComparer.Ordinal);

    /// <summary>The targets that files are written for, each once.</summary>
    public IEnumerable<KernelTarget> Targets => Names.Select(Target).OfType<KernelTarget>().Distinct().OrderBy(target => target.ToString(), StringComparer.Ordinal);

    /// <summary>The name of the file for every device that takes the least to compile.</summary>
    public string Shortest => Names.Where(name => Target(name) is null).MinBy(name => this[name].Text.Length)!;

    /// <summary>A kernel file by its name, such as "rms_norm".</summary>
    public KernelSource this[string name] =>
        _kernels.TryGetValue(name, out KernelSource? source) ? source : throw new ArgumentException($"kernels/{name}.cu: no such kernel file", nameof(name));

    /// <summary>Reads what the build embedded.</summary>
    public static KernelSources Embedded()
    {
        Assembly assembly = typeof(KernelSources).Assembly;
        return new KernelSources(assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith("kernels", StringComparison.Ordinal)).Select(name => new KernelSource(name.Replace('\\', '/'), Read(assembly, name))));
    }

    /// <summary>What a kernel file is written for, by the line "// Target     sm_90a" of its header; null, as for most = for every device.</summary>
    public KernelTarget? Target(string name) =>
        TargetLine().Match(Encoding.UTF8.GetString(this[name].Text)) is { Success: true } line
            ? new KernelTarget(int.Parse(line.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture), line.Groups[2].Length > 0)
            : null;

    /// <summary>The entry points of a kernel file, in its order.</summary>
    public IReadOnlyList<string> EntryPoints(string name) =>
        [.. EntryPoint().Matches(Encoding.UTF8.GetString(this[name].Text)).Select(match => match.Groups[1].Value)];

    private static byte[] Read(Assembly assembly, string name)
    {
        using Stream stream = assembly.GetManifestResourceStream(name)!;
        byte[] text = new byte[stream.Length];
        stream.ReadExactly(text);
        return text;
    }

    [GeneratedRegex(@"^// Target +sm_(\d+)(a?)\b", RegexOptions.Multiline)]
    private static partial Regex TargetLine();

    [GeneratedRegex(@"^\s*extern\s+""C""\s+__global__\s+void\s+(?:__launch_bounds__\s*\((?:[^()]|\([^()]*\))*\)\s*)?(?!__launch_bounds__)(\w+)\s*\(", RegexOptions.Multiline)]
    private static partial Regex EntryPoint();
}
