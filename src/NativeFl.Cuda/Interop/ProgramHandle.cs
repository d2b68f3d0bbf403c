using System.Runtime.InteropServices;
using System.Text;
using NativeFl.Cuda.Kernels;

namespace NativeFl.Cuda.Interop;

/// <summary>One compilation of NVRTC.</summary>
internal sealed unsafe class ProgramHandle : SafeHandle
{
    private readonly HandleCount _count;

    private ProgramHandle(nint value, HandleCount count)
        : base(0, ownsHandle: true)
    {
        SetHandle(value);
        _count = count;
        count.Add();
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>
    /// A program of one file. Headers are known by their path under kernels/. NVRTC has no folders, so that the bare name by which one header
    /// includes its neighbour is a line that leads there: under two names of equal standing it would be read twice.
    /// </summary>
    public static ProgramHandle Create(KernelSource source, IReadOnlyList<KernelSource> headers, HandleCount count)
    {
        using var texts = new Utf8Array([.. headers.Select(header => header.Text), .. headers.Select(header => Bytes($"#include \"{Inner(header)}\"\n"))]);
        using var names = new Utf8Array(
            [.. headers.Select(header => Bytes(Inner(header))), .. headers.Select(header => Bytes(Path.GetFileName(header.Path)))]);
        using var own = new Utf8Array([source.Text, Bytes(source.Path)]);
        nint value;
        Status.CheckCompiler(
            Nvrtc.nvrtcCreateProgram(&value, own.Pointers[0], own.Pointers[1], texts.Count, texts.Pointers, names.Pointers), $"nvrtcCreateProgram of {source.Path}");
        return new ProgramHandle(value, count);
    }

    /// <summary>Compiles; the status is not checked, because the log says more.</summary>
    public int Compile(IReadOnlyList<string> options)
    {
        using var texts = new Utf8Array([.. options.Select(Bytes)]);
        return Nvrtc.nvrtcCompileProgram(handle, texts.Count, texts.Pointers);
    }

    /// <summary>What the compiler printed.</summary>
    public string Log()
    {
        nuint size;
        Status.CheckCompiler(Nvrtc.nvrtcGetProgramLogSize(handle, &size), "nvrtcGetProgramLogSize");
        byte[] text = new byte[size];
        fixed (byte* first = text)
        {
            if (size > 0) Status.CheckCompiler(Nvrtc.nvrtcGetProgramLog(handle, first), "nvrtcGetProgramLog");
        }
        return Encoding.UTF8.GetString(text).TrimEnd('\0');
    }

    /// <summary>The machine code of a compilation for sm_XX.</summary>
    public byte[] Cubin()
    {
        nuint size;
        Status.CheckCompiler(Nvrtc.nvrtcGetCUBINSize(handle, &size), "nvrtcGetCUBINSize");
        byte[] image = new byte[size];
        fixed (byte* first = image) Status.CheckCompiler(Nvrtc.nvrtcGetCUBIN(handle, first), "nvrtcGetCUBIN");
        return image;
    }

    /// <summary>The text, with its final zero, of a compilation for compute_XX.</summary>
    public byte[] Ptx()
    {
        nuint size;
        Status.CheckCompiler(Nvrtc.nvrtcGetPTXSize(handle, &size), "nvrtcGetPTXSize");
        byte[] image = new byte[size];
        fixed (byte* first = image) Status.CheckCompiler(Nvrtc.nvrtcGetPTX(handle, first), "nvrtcGetPTX");
        return image;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _count.Remove();
        nint value = handle;
        return Nvrtc.nvrtcDestroyProgram(&value) == 0;
    }

    private static string Inner(KernelSource header) => header.Path["kernels/".Length..];

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
