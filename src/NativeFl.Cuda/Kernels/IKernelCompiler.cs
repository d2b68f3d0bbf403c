namespace NativeFl.Cuda.Kernels;

/// <summary>What turns kernel text into machine code: NVRTC, or a stand-in in the tests of what surrounds it.</summary>
internal interface IKernelCompiler
{
    /// <summary>Name and version, such as "NVRTC 12.8".</summary>
    string Version { get; }

    /// <summary>The compute architectures that it knows, such as 80 and 90.</summary>
    IReadOnlyList<int> Architectures { get; }

    /// <summary>Whether it can compile for a target.</summary>
    bool Knows(KernelTarget target);

    /// <summary>The image of one file: a cubin for a target "sm_90" or "sm_90a", PTX for "compute_90".</summary>
    /// <exception cref="CudaException">The file does not compile; the text holds the first errors with file and line.</exception>
    byte[] Compile(KernelSource source, IReadOnlyList<KernelSource> headers, string target, IReadOnlyList<string> options);
}
