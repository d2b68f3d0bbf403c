using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Tests;

/// <summary>The controls that the emulator exports beside the driver API (tests/emulator/emulator.h). Disposing puts everything back.</summary>
internal sealed unsafe class Emulator : IDisposable
{
    private readonly nint _library = Load();
    private readonly ulong _seed;

    /// <summary>For tests that only the emulator can run; elsewhere they are skipped.</summary>
    public Emulator()
    {
        if (!TestDevice.IsEmulator) Assert.Ignore($"needs the emulator; this is {TestDevice.Description}");
        _seed = Seed();
    }

    /// <summary>Begins the seed's orders anew, so that a test which fails among others fails alone too.</summary>
    public static void RestartOrders()
    {
        nint library = Load();
        SetSeed(library, Seed(library));
        NativeLibrary.Free(library);
    }

    /// <summary>
    /// Whether kernels are compiled for counting from now on, and counted; what was counted is forgotten. Compiled kernels must be kept apart
    /// from others. Where there is no emulator the test is skipped.
    /// </summary>
    public static void SetCounting(bool isOn)
    {
        if (!TestDevice.IsEmulator) Assert.Ignore($"needs the emulator; this is {TestDevice.Description}");
        nint library = Load();
        ((delegate* unmanaged<int, void>)NativeLibrary.GetExport(library, "emulator_set_counting"))(isOn ? 1 : 0);
        ((delegate* unmanaged<void>)NativeLibrary.GetExport(library, "emulator_reset_counts"))();
        NativeLibrary.Free(library);
    }

    /// <summary>What was counted since then, by entry point and quantity.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>> Counts()
    {
        nint library = Load();
        string text = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)NativeLibrary.GetExport(library, "emulator_counts"))()) ?? "";
        NativeLibrary.Free(library);
        return text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).ToDictionary(
            words => words[0],
            words => (IReadOnlyDictionary<string, long>)words[1..].Select(word => word.Split('=')).ToDictionary(
                pair => pair[0], pair => long.Parse(pair[1], CultureInfo.InvariantCulture)));
    }

    /// <summary>After so many more good calls of a driver function ("kernel" = executions), one gives this status.</summary>
    public void Fail(string function, int afterCalls, int status)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(function);
        ((delegate* unmanaged<nint, int, int, void>)Export("emulator_fail"))(name, afterCalls, status);
        Marshal.FreeCoTaskMem(name);
    }

    public void SetMemory(ulong bytes) => ((delegate* unmanaged<ulong, void>)Export("emulator_set_memory"))(bytes);

    public void SetCapability(int major, int minor) => ((delegate* unmanaged<int, int, void>)Export("emulator_set_capability"))(major, minor);

    public void SetDriverVersion(int version) => ((delegate* unmanaged<int, void>)Export("emulator_set_driver_version"))(version);

    public void SetDevices(int count) => ((delegate* unmanaged<int, void>)Export("emulator_set_devices"))(count);

    /// <summary>What the orders of the next executions are drawn from, in which blocks, warps and lanes run.</summary>
    public void SetSeed(ulong seed) => SetSeed(_library, seed);

    /// <summary>The seed as it was last set.</summary>
    public ulong Seed() => Seed(_library);

    /// <summary>Kernels executed so far in this process.</summary>
    public long Launches() => (long)((delegate* unmanaged<ulong>)Export("emulator_launches"))();

    /// <summary>Device and pinned bytes, and native objects, that are alive in this process.</summary>
    public (ulong Bytes, int Handles) Outstanding() => Outstanding(_library);

    /// <summary>The same, for whoever changes nothing.</summary>
    public static (ulong Bytes, int Handles) Alive()
    {
        nint library = Load();
        (ulong Bytes, int Handles) alive = Outstanding(library);
        NativeLibrary.Free(library);
        return alive;
    }

    public void Dispose()
    {
        ((delegate* unmanaged<nint, int, int, void>)Export("emulator_fail"))(0, 0, 0);
        SetMemory(8UL << 30);
        SetCapability(9, 0);
        SetDriverVersion(12060);
        SetDevices(1);
        SetSeed(_seed);
        ((delegate* unmanaged<void>)Export("emulator_clear"))();
        NativeLibrary.Free(_library);
    }

    private static nint Load() => NativeLibrary.Load(Path.Combine(TestDevice.Options!.LibraryFolder, "libcuda.so.1"));

    private static (ulong Bytes, int Handles) Outstanding(nint library)
    {
        ulong bytes;
        int handles;
        ((delegate* unmanaged<ulong*, int*, void>)NativeLibrary.GetExport(library, "emulator_outstanding"))(&bytes, &handles);
        return (bytes, handles);
    }

    private static void SetSeed(nint library, ulong seed) =>
        ((delegate* unmanaged<ulong, void>)NativeLibrary.GetExport(library, "emulator_set_seed"))(seed);

    private static ulong Seed(nint library) => ((delegate* unmanaged<ulong>)NativeLibrary.GetExport(library, "emulator_seed"))();

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);
}
