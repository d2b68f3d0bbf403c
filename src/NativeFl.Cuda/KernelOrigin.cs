namespace NativeFl.Cuda;

/// <summary>Where a kernel's machine code came from.</summary>
public enum KernelOrigin
{
    /// <summary>A cubin that the build made with nvcc.</summary>
    Prebuilt,

    /// <summary>An earlier compilation on this machine.</summary>
    Cached,

    /// <summary>NVRTC, now.</summary>
    Compiled,
}
