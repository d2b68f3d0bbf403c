using System.Text;
using NativeFl.Cuda.Kernels;

namespace NativeFl.Cuda.Interop;

/// <summary>One compilation of NVRTC.</summary>
internal sealed unsafe class ProgramHandle : NativeHandle
{
    private ProgramHandle(nint value, HandleCount count)
        : base(value, count)
    {
    }

    /// <summary>A program of one file. Headers are known by their path under kernels/, which is how they are included.</summary>
    public static ProgramHandle Create(KernelSource source, IReadOnlyList<KernelSource> headers, HandleCount count)
    {
        using var texts = new Utf8Array([.. headers.Select(header => header.Text)]);
        using var names = new Utf8Array([.. headers.Select(header => Bytes(header.Path["kernels/".Length..]))]);
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
    protected override int Destroy()
    {
        nint value = handle;
        return Nvrtc.nvrtcDestroyProgram(&value);
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
