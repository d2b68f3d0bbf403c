using NativeFl.Tensors;

namespace NativeFl.Cuda;

/// <summary>Which device, and how it is used.</summary>
public sealed record CudaBackendOptions
{
    /// <summary>The device's index, from 0.</summary>
    public int Device { get; init; }

    /// <summary>The type of activations, bf16 or f32. Accumulation, adapters and optimiser state are f32 either way.</summary>
    public DType ActivationType { get; init; } = DType.BF16;

    /// <summary>
    /// A folder in which the driver, NVRTC and cuBLASLt are looked for before the system's own places; empty = those only. A process
    /// loads each library once, so the first backend decides.
    /// </summary>
    public string LibraryFolder { get; init; } = "";

    /// <summary>Where compiled kernels are kept between runs; empty = nowhere. A folder that cannot be written is no error.</summary>
    public string KernelCacheFolder { get; init; } =
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "nativefl", "kernels");

    /// <summary>Whether cuBLASLt multiplies matrices where it is installed; NativeFl's own kernels do otherwise.</summary>
    public bool UseBlas { get; init; } = true;

    /// <summary>Whether the ops of a repeated step are replayed as one CUDA graph. The bits are the same.</summary>
    public bool UseGraphs { get; init; } = true;

    /// <summary>
    /// Whether attention in bf16 with heads of 40 to 128 multiplies on the asynchronous tensor cores of compute capability 9.0 (H100, H200). The backend does
    /// not open where there are none, or no kernels for them, prebuilt or by NVRTC 12 or newer. Results differ by rounding.
    /// </summary>
    /// <remarks>Off until it has been measured on such a device: so far these kernels have run on the emulator alone.</remarks>
    public bool UseWgmma { get; init; }

    /// <summary>Where the build put the cubins of known architectures.</summary>
    internal string CubinFolder { get; init; } = Path.Combine(AppContext.BaseDirectory, "cubins");
}
