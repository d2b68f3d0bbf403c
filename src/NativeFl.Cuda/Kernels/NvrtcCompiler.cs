using System.Text;
using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Kernels;

/// <summary>NVRTC as installed. It needs no GPU and no toolkit: the kernels include nothing but their own headers.</summary>
internal sealed unsafe class NvrtcCompiler : IKernelCompiler
{
    private const int ErrorLines = 6;

    private readonly HandleCount _count;

    /// <summary>Asks the library, which must be there, what it is.</summary>
    public NvrtcCompiler(HandleCount count)
    {
        _count = count;
        int major, minor, architectures;
        Status.CheckCompiler(Nvrtc.nvrtcVersion(&major, &minor), "nvrtcVersion");
        Status.CheckCompiler(Nvrtc.nvrtcGetNumSupportedArchs(&architectures), "nvrtcGetNumSupportedArchs");
        int[] known = new int[architectures];
        fixed (int* first = known) Status.CheckCompiler(Nvrtc.nvrtcGetSupportedArchs(first), "nvrtcGetSupportedArchs");
        Version = $"NVRTC {major}.{minor}";
        Architectures = known;
    }

    /// <inheritdoc/>
    public string Version { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> Architectures { get; }

    /// <inheritdoc/>
    public byte[] Compile(KernelSource source, IReadOnlyList<KernelSource> headers, string target, IReadOnlyList<string> options)
    {
        using ProgramHandle program = ProgramHandle.Create(source, headers, _count);
        int status = program.Compile([$"--gpu-architecture={target}", .. options]);
        if (status != 0) throw new CudaException($"compile {source.Path} for {target}", status, FirstErrors(program.Log()));
        return target.StartsWith("sm_", StringComparison.Ordinal) ? program.Cubin() : program.Ptx();
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
