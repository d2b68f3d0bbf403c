using System.Globalization;
using NativeFl.Cuda;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>The flags of the measuring programs: <c>--name value</c>, or <c>--name</c> alone for a switch.</summary>
internal sealed class GpuArguments
{
    private readonly Dictionary<string, string> _values = [];

    /// <exception cref="ArgumentException">A word that is no flag, or a flag that is not in <paramref name="known"/>.</exception>
    public GpuArguments(ReadOnlySpan<string> words, params string[] known)
    {
        string[] shared = ["--device", "--dtype", "--cuda-libraries", "--results", "--no-graphs", "--no-blas", "--wgmma"];
        for (int i = 0; i < words.Length; i++)
        {
            string flag = words[i];
            if (!shared.Contains(flag) && !known.Contains(flag)) throw new ArgumentException($"{flag}: expected one of {string.Join(", ", [.. known, .. shared])}");
            bool hasValue = i + 1 < words.Length && !words[i + 1].StartsWith("--", StringComparison.Ordinal);
            _values[flag] = hasValue ? words[++i] : "";
        }
    }

    /// <summary>Where the result is appended to; empty = standard output alone.</summary>
    public string Results => Text("--results", "");

    /// <summary>How the run differs from the default, in words.</summary>
    public string Setting
    {
        get
        {
            List<string> words = [Text("--dtype", "bf16"), Has("--no-graphs") ? "no graphs" : "graphs", Has("--no-blas") ? "own gemm" : "cuBLASLt"];
            if (Has("--wgmma")) words.Add("wgmma");
            return Text("--device", "cuda") == "cpu" ? "CPU, f32" : string.Join(", ", words);
        }
    }

    public bool Has(string flag) => _values.ContainsKey(flag);

    public string Text(string flag, string otherwise) => _values.GetValueOrDefault(flag, otherwise);

    public int Number(string flag, int otherwise) => _values.TryGetValue(flag, out string? text) ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    /// <summary>The device of <c>--device</c>: cuda, or cpu to try a program where there is no GPU.</summary>
    public Backend Open() => Text("--device", "cuda") switch
    {
        "cpu" => new CpuBackend(),
        "cuda" => CudaBackend.Create(new CudaBackendOptions
        {
            ActivationType = Text("--dtype", "bf16") == "f32" ? DType.F32 : DType.BF16,
            LibraryFolder = Text("--cuda-libraries", ""),
            UseBlas = !Has("--no-blas"),
            UseGraphs = !Has("--no-graphs"),
            UseWgmma = Has("--wgmma"),
        }),
        string other => throw new ArgumentException($"--device: expected cuda or cpu, got {other}"),
    };
}
