using System.Text;
using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Kernels;

/// <summary>NVRTC as installed. It needs no GPU and no toolkit: the kernels include nothing but their own headers.</summary>
internal sealed unsafe class NvrtcCompiler : IKernelCompiler
{
    private const int ErrorLines = 6;

    // With line numbers NVRTC 11.8 ends the process, by a bad access of its own, after about five files.
    private const int FirstWithLineInfo = 12;

    // No NVRTC lists exact targets among its architectures; they came with CUDA 12.
    private const int FirstWithExactTargets = 12;

    private readonly HandleCount _count;
    private readonly int _major;

    /// <summary>Asks the library, which must be there, what it is.</summary>
    public NvrtcCompiler(HandleCount count)
    {
        _count = count;
        int major, minor, architectures;
        Status.CheckCompiler(Nvrtc.nvrtcVersion(&major, &minor), "nvrtcVersion");
        Status.CheckCompiler(Nvrtc.nvrtcGetNumSupportedArchs(&architectures), "nvrtcGetNumSupportedArchs");
        int[] known = new int[architectures];
        fixed (int* first = known) Status.CheckCompiler(Nvrtc.nvrtcGetSupportedArchs(first), "nvrtcGetSupportedArchs");
        _major = major;
        Version = $"NVRTC {major}.{minor}";
        Architectures = known;
    }

    /// <inheritdoc/>
    public string Version { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> Architectures { get; }

    /// <inheritdoc/>
    public bool Knows(KernelTarget target) => Knows(target, Architectures, _major);

    /// <inheritdoc/>
    public byte[] Compile(KernelSource source, IReadOnlyList<KernelSource> headers, string target, IReadOnlyList<string> options)
    {
        using ProgramHandle program = Run(source, headers, target, options);
        return target.StartsWith("sm_", StringComparison.Ordinal) ? program.Cubin() : program.Ptx();
    }

    /// <summary>What the entry points of one file take on a target such as "sm_90", by the log of its compilation.</summary>
    /// <exception cref="CudaException">The file does not compile, or the log does not say.</exception>
    public IReadOnlyList<KernelFigures> Measure(KernelSource source, IReadOnlyList<KernelSource> headers, string target)
    {
        using ProgramHandle program = Run(source, headers, target, [KernelLibrary.Language, KernelFigures.Option]);
        IReadOnlyList<KernelFigures> figures = KernelFigures.Parse(program.Log(), Encoding.ASCII.GetString(program.Ptx()));
        return figures.Count > 0 ? figures : throw new CudaException($"compile {source.Path} for {target}", 0, $"{Version} does not say what its entry points take");
    }

    /// <summary>The options that an NVRTC of a major version can be given.</summary>
    internal static IEnumerable<string> Accepted(IReadOnlyList<string> options, int major) =>
        options.Where(option => major >= FirstWithLineInfo || option != KernelLibrary.LineInfo);

    /// <summary>Whether an NVRTC of a major version and with such architectures can compile for a target.</summary>
    internal static bool Knows(KernelTarget target, IReadOnlyList<int> architectures, int major) =>
        architectures.Contains(target.Architecture) && (!target.IsExact || major >= FirstWithExactTargets);

    private ProgramHandle Run(KernelSource source, IReadOnlyList<KernelSource> headers, string target, IReadOnlyList<string> options)
    {
        ProgramHandle program = ProgramHandle.Create(source, headers, _count);
        int status = program.Compile([$"--gpu-architecture={target}", .. Accepted(options, _major)]);
        if (status == 0) return program;
        using ProgramHandle failed = program;
        throw new CudaException($"compile {source.Path} for {target}", status, FirstErrors(failed.Log()));
    }

    /// <summary>The first lines of a compiler's log that name an error, with what they quote, in one line.</summary>
    internal static string FirstErrors(string log)
    {
        string[] lines = [.. log.Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0)];
        int first = Array.FindIndex(lines, line => line.Contains("error", StringComparison.OrdinalIgnoreCase));
        var text = new StringBuilder();
        foreach (string line in lines.Skip(Math.Max(0, first)).Take(ErrorLines)) text.Append(text.Length > 0 ? " | " : "").Append(line.Trim());
        return text.Length > 0 ? text.ToString() : "the compiler says nothing";
    }
}
