using System.Runtime.InteropServices;
using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda;

/// <summary>What a device is.</summary>
/// <param name="Device">The driver's number for it.</param>
/// <param name="Name">Its maker's name for it.</param>
/// <param name="Architecture">Compute capability, 90 for 9.0.</param>
/// <param name="Multiprocessors">How many.</param>
/// <param name="SharedBytes">The most shared memory that a block may ask for.</param>
/// <param name="MemoryBytes">Of the device.</param>
/// <param name="DriverVersion">The newest CUDA that the driver serves, 12080 for 12.8.</param>
internal sealed unsafe record DeviceProperties(
    int Device, string Name, int Architecture, int Multiprocessors, int SharedBytes, long MemoryBytes, int DriverVersion)
{
    /// <summary>CUDA 11.8, the first that knows sm_90.</summary>
    public const int OldestDriver = 11080;

    private const int MultiprocessorCount = 16, CapabilityMajor = 75, CapabilityMinor = 76, SharedBytesOptIn = 97;

    /// <summary>The driver's version as people write it.</summary>
    public string DriverText => VersionText(DriverVersion);

    /// <summary>Asks the driver about the device with an index.</summary>
    public static DeviceProperties Read(int index, int driverVersion)
    {
        int device;
        nuint bytes;
        Status.Check(CudaDriver.cuDeviceGet(&device, index), $"cuDeviceGet({index})");
        byte* name = stackalloc byte[256];
        Status.Check(CudaDriver.cuDeviceGetName(name, 256, device), "cuDeviceGetName");
        Status.Check(CudaDriver.cuDeviceTotalMem_v2(&bytes, device), "cuDeviceTotalMem");
        int architecture = (10 * Attribute(device, CapabilityMajor)) + Attribute(device, CapabilityMinor);
        return new DeviceProperties(
            device, Marshal.PtrToStringUTF8((nint)name)!, architecture, Attribute(device, MultiprocessorCount), Attribute(device, SharedBytesOptIn),
            (long)bytes, driverVersion);
    }

    /// <summary>The newest CUDA that the driver serves.</summary>
    public static int ReadDriverVersion()
    {
        int version;
        Status.Check(CudaDriver.cuDriverGetVersion(&version), "cuDriverGetVersion");
        return version;
    }

    /// <summary>12080 as "12.8".</summary>
    public static string VersionText(int version) => $"{version / 1000}.{version % 1000 / 10}";

    private static int Attribute(int device, int attribute)
    {
        int value;
        Status.Check(CudaDriver.cuDeviceGetAttribute(&value, attribute, device), $"cuDeviceGetAttribute({attribute})");
        return value;
    }
}
