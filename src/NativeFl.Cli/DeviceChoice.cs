using System.Globalization;
using NativeFl.Cli.Flags;
using NativeFl.Cuda;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cli;

/// <summary>Which backend --device, --cuda-libraries, --dtype, --attention and --blas mean.</summary>
internal static class DeviceChoice
{
    /// <summary>Opens the device. For "auto" that is CUDA if it can be had, else, unless attention is to be wgmma's, the CPU; <paramref name="noCuda"/> then says why, else it is empty.</summary>
    /// <exception cref="RunFailedException">CUDA was asked for and is not there.</exception>
    public static Backend Open(FlagValues flags, out string noCuda)
    {
        string device = flags.Get(SharedFlags.Device);
        noCuda = "";
        if (device != "cpu")
        {
            if (CudaBackend.TryCreate(CudaOptions(flags), out CudaBackend? cuda, out string reason)) return cuda;
            noCuda = $"cuda: not available ({reason})";
            if (device != "auto" || IsWgmma(flags)) throw new RunFailedException(noCuda);
        }
        return OpenCpu(flags);
    }

    /// <summary>Opens the CPU.</summary>
    public static CpuBackend OpenCpu(FlagValues flags) =>
        new(new CpuBackendOptions { Blas = flags.Get(SharedFlags.Blas) == "openblas" ? CpuBlas.OpenBlas : CpuBlas.None });

    private static bool IsWgmma(FlagValues flags) => flags.Get(SharedFlags.Attention) == "wgmma";

    private static CudaBackendOptions CudaOptions(FlagValues flags)
    {
        string device = flags.Get(SharedFlags.Device);
        int colon = device.IndexOf(':', StringComparison.Ordinal);
        var options = new CudaBackendOptions
        {
            Device = colon < 0 ? 0 : int.Parse(device.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture),
            ActivationType = OutputFlags.TypeOf(flags.Get(SharedFlags.Type)) ?? DType.BF16,
            LibraryFolder = flags.Get(SharedFlags.CudaLibraries),
            UseWgmma = IsWgmma(flags),
        };
        return Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache && Path.IsPathRooted(cache)
            ? options with { KernelCacheFolder = Path.Combine(cache, "nativefl", "kernels") }
            : options;
    }
}
