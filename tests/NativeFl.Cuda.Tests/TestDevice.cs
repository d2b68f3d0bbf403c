using System.Globalization;
using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>What the CUDA tests of this run use: a real GPU if there is one, else the emulator, else nothing, with the reason.</summary>
[SetUpFixture]
internal sealed class TestDevice
{
    private static int _cases;

    /// <summary>How backends are opened, or null where there is nothing to open.</summary>
    public static CudaBackendOptions? Options { get; private set; }

    /// <summary>The device in words, or why there is none.</summary>
    public static string Description { get; private set; } = "";

    /// <summary>True on the emulator, whose exports the tests may use.</summary>
    public static bool IsEmulator { get; private set; }

    /// <summary>Whether attention can be wgmma's: on a device of compute capability 9.0, with a compiler that knows it.</summary>
    public static bool HasWgmma { get; private set; }

    /// <summary>Counts cases that ran on the device.</summary>
    public static void Count(int cases = 1) => Interlocked.Add(ref _cases, cases);

    /// <summary>A backend on the device, or an <see cref="IgnoreException"/> that says why there is none.</summary>
    public static CudaBackend Open(Func<CudaBackendOptions, CudaBackendOptions>? configure = null) =>
        Options is { } options ? CudaBackend.Create(configure?.Invoke(options) ?? options) : throw new IgnoreException(Description);

    /// <summary>The end of a backend that so many cases ran on; every native object must have come back.</summary>
    public static void Close(Backend backend, int cases)
    {
        Count(cases);
        backend.Dispose();
        var handles = ((CudaBackend)backend).Handles;
        Assert.That((handles.Bytes, handles.Alive), Is.EqualTo((0, 0)), "bytes and native objects not given back");
    }

    [OneTimeSetUp]
    public void Find()
    {
        var options = new CudaBackendOptions { KernelCacheFolder = Path.Combine(AppContext.BaseDirectory, "kernel-cache", "device") };
        if (Opens(options, out string reason)) return;
        if (!EmulatorBuild.TryMake(out EmulatorBuild? emulator, out string noEmulator))
        {
            Description = $"cuda: not available ({reason}); emulator: {noEmulator}";
            return;
        }
        options = options with { LibraryFolder = emulator.Folder, KernelCacheFolder = emulator.KernelCacheFolder };
        if (!Opens(options, out reason)) throw new InvalidOperationException($"the emulator is built but does not open: {reason}");
        IsEmulator = true;
    }

    [OneTimeTearDown]
    public void Report()
    {
        string seed = "";
        if (IsEmulator)
        {
            using var emulator = new Emulator();
            seed = string.Create(CultureInfo.InvariantCulture, $", seed {emulator.Seed()}");
        }
        TestContext.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"CUDA: {_cases} cases ran on {(Options is null ? "nothing: " : "")}{Description}{seed}"));
    }

    private static bool Opens(CudaBackendOptions options, out string reason)
    {
        if (!CudaBackend.TryCreate(options, out CudaBackend? backend, out reason)) return false;
        using Backend opened = backend;
        Options = options;
        Description = opened.DeviceName;
        HasWgmma = CudaBackend.TryCreate(options with { UseWgmma = true }, out CudaBackend? other, out _);
        other?.Dispose();
        return true;
    }
}
