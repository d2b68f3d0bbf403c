using NativeFl.Cuda.Kernels;

namespace NativeFl.Cuda.Tests;

/// <summary>A compiler that notes what it is asked for, and gives the same image for all: by default one that no driver takes.</summary>
internal sealed class FakeCompiler(int[] architectures, int major = 12, byte[]? image = null) : IKernelCompiler
{
    public List<string> Targets { get; } = [];

    public string Version => "Fake 1.0";

    public IReadOnlyList<int> Architectures => architectures;

    public bool Knows(KernelTarget target) => NvrtcCompiler.Knows(target, architectures, major);

    public byte[] Compile(KernelSource source, IReadOnlyList<KernelSource> headers, string target, IReadOnlyList<string> options)
    {
        Targets.Add(target);
        return image ?? "no image"u8.ToArray();
    }
}
