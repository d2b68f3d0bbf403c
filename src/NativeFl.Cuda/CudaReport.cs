namespace NativeFl.Cuda;

/// <summary>What a backend works with.</summary>
/// <param name="Device">The device, in words.</param>
/// <param name="Compiler">NVRTC with its version, or why there is none.</param>
/// <param name="Products">Who multiplies matrices: cuBLASLt with its version, or NativeFl's own kernels and why.</param>
/// <param name="Kernels">Where each kernel file's machine code comes from; <see cref="KernelOrigin.Compiled"/> = NVRTC compiles it when first used.</param>
/// <param name="CacheFolder">Where compiled kernels are kept; empty = nowhere.</param>
public sealed record CudaReport(
    string Device, string Compiler, string Products, IReadOnlyDictionary<string, KernelOrigin> Kernels, string CacheFolder);
