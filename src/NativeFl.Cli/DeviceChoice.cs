using NativeFl.Cli.Flags;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cli;

/// <summary>Which backend --device and --blas mean.</summary>
internal static class DeviceChoice
{
    /// <summary>Why there is no CUDA device here.</summary>
    public const string CudaReason = "this build has no CUDA backend";

    /// <summary>Opens the device, or says in one line why it cannot be had.</summary>
    public static Backend Open(FlagValues flags)
    {
        RequireAvailable(flags);
        CpuBlas blas = flags.Get(SharedFlags.Blas) == "openblas" ? CpuBlas.OpenBlas : CpuBlas.None;
        return new CpuBackend(new CpuBackendOptions { Blas = blas });
    }

    /// <summary>Throws if the device asked for is not there; "auto" always is.</summary>
    public static void RequireAvailable(FlagValues flags)
    {
        if (flags.Get(SharedFlags.Device).StartsWith("cuda", StringComparison.Ordinal))
            throw new RunFailedException($"cuda: not available ({CudaReason})");
    }
}
