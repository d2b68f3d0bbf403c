using System.Security.Cryptography;
using NativeFl.Cuda.Kernels;

namespace NativeFl.Cuda.Tests;

/// <summary>A driver that refuses machine code: another way is taken where there is one, else the error carries the driver's own words.</summary>
internal sealed class RefusedKernelsTests : CudaTest
{
    private const int InvalidImage = 200, NoBinaryForDevice = 209, JitCompilerNotFound = 221, UnsupportedPtxVersion = 222, NvrtcInternal = 11;

    private string _folder = "";

    private string Cubins => Path.Combine(_folder, "cubins");

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("nativefl-refused-").FullName;

    [TearDown]
    public void RemoveFolder()
    {
        if (_folder.Length > 0) Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void Cubins_of_the_build_need_no_compiler()
    {
        using var emulator = new Emulator();
        MakeCubins("sm_90");
        emulator.Fail("nvrtcVersion", 0, NvrtcInternal);
        Assert.That(TryOpen(out CudaBackend? backend), Is.Empty);
        using (backend)
        {
            Assert.That(backend!.Describe().Compiler, Does.StartWith("nvrtcVersion: "));
            Assert.That(backend.Describe().Kernels.Values, Is.All.EqualTo(KernelOrigin.Prebuilt));
        }
    }

    [Test]
    public void Cubins_for_another_device_and_no_compiler_are_a_reason_with_the_drivers_text()
    {
        using var emulator = new Emulator();
        MakeCubins("sm_80");
        emulator.Fail("nvrtcVersion", 0, NvrtcInternal);
        (ulong Bytes, int Handles) before = emulator.Outstanding();
        string reason = TryOpen(out _);
        Assert.That(reason, Does.StartWith("load kernels/adamw.cu for sm_90: the driver refuses the prebuilt cubin: "));
        Assert.That(reason, Does.Contain("CUDA_ERROR_NO_BINARY_FOR_GPU").And.Contain("made for sm_80").And.Contain("no compiler (nvrtcVersion: "));
        Assert.That(emulator.Outstanding(), Is.EqualTo(before));
    }

    // An older driver than the cubin: the first files load, a later one does not.
    [TestCase(InvalidImage, "CUDA_ERROR_INVALID_IMAGE")]
    [TestCase(NoBinaryForDevice, "CUDA_ERROR_NO_BINARY_FOR_GPU")]
    public void A_cubin_that_an_old_driver_refuses_is_a_reason_without_a_compiler_and_compiled_again_with_one(int status, string text)
    {
        using var emulator = new Emulator();
        MakeCubins("sm_90");
        emulator.Fail("nvrtcVersion", 0, NvrtcInternal);
        emulator.Fail("cuModuleLoadDataEx", 2, status);
        Assert.That(TryOpen(out _), Does.Match(@"^load kernels/attention\.cu for sm_90: the driver refuses the prebuilt cubin: ").And.Contain(text));

        emulator.Fail("cuModuleLoadDataEx", 0, status);
        Assert.That(TryOpen(out CudaBackend? backend), Is.Empty);
        using (backend) Assert.That(backend!.Describe().Kernels["add_scaled"], Is.EqualTo(KernelOrigin.Compiled));
    }

    [Test]
    public void The_status_of_a_refusal_is_kept()
    {
        using var emulator = new Emulator();
        MakeCubins("sm_80");
        KernelSources sources = KernelSources.Embedded();
        using var library = new KernelLibrary(sources, new PrebuiltKernels(Cubins, sources), new KernelCache(""), null, "no library here", 90, Backend.Handles);
        Backend.Synchronize();
        Assert.That(library.Require, Throws.TypeOf<CudaException>().With.Property("Status").EqualTo(NoBinaryForDevice));
        Assert.That(() => library["copy"], Throws.TypeOf<CudaException>().With.Message.Contains("kernels/copy.cu").And.Message.Contains("no library here"));
    }

    [Test]
    public void A_compiler_newer_than_the_driver_is_a_reason_that_names_both()
    {
        using var emulator = new Emulator();
        emulator.Fail("cuModuleLoadDataEx", 0, UnsupportedPtxVersion);
        Assert.That(
            TryOpen(out _),
            Does.StartWith("load kernels/add_scaled.cu, compiled by NVRTC 12.99 for sm_90: ").And.Contain("CUDA_ERROR_UNSUPPORTED_PTX_VERSION")
                .And.Contain("the driver serves CUDA 12.6"));
    }

    // On a device newer than the compiler: PTX first, which a driver older than the compiler refuses, or one without a compiler of its own.
    [TestCase(UnsupportedPtxVersion)]
    [TestCase(JitCompilerNotFound)]
    public void Where_the_driver_refuses_PTX_machine_code_of_the_same_generation_runs_and_is_found_in_the_cache(int status)
    {
        using var emulator = new Emulator();
        emulator.SetCapability(9, 1);
        emulator.Fail("cuModuleLoadDataEx", 0, status);
        Assert.That(TryOpen(out CudaBackend? backend), Is.Empty);
        using (backend) Assert.That(Target(backend!), Is.EqualTo(("sm_90", KernelOrigin.Compiled)));
        Assert.That(TryOpen(out backend), Is.Empty);
        using (backend) Assert.That(Target(backend!), Is.EqualTo(("sm_90", KernelOrigin.Cached)));
    }

    [Test]
    public void Of_another_generation_only_PTX_is_tried()
    {
        using var emulator = new Emulator();
        emulator.SetCapability(19, 9);
        emulator.Fail("cuModuleLoadDataEx", 0, UnsupportedPtxVersion);
        Assert.That(TryOpen(out _), Does.Contain("for compute_90: ").And.Contain("CUDA_ERROR_UNSUPPORTED_PTX_VERSION"));
    }

    private static (string, KernelOrigin) Target(CudaBackend backend)
    {
        KernelReport report = backend.InspectKernels().First(kernel => kernel.File == "add_scaled");
        return (report.Target, report.Origin);
    }

    /// <summary>The reason why a backend with these cubins does not open, or nothing.</summary>
    private string TryOpen(out CudaBackend? backend)
    {
        CudaBackendOptions options = TestDevice.Options! with { KernelCacheFolder = Path.Combine(_folder, "cache"), CubinFolder = Cubins };
        return CudaBackend.TryCreate(options, out backend, out string reason) ? "" : reason;
    }

    /// <summary>Every kernel that is for all devices, for a target, under the names that the device of the emulator looks for.</summary>
    private void MakeCubins(string target)
    {
        Directory.CreateDirectory(Cubins);
        KernelSources sources = KernelSources.Embedded();
        var compiler = new NvrtcCompiler(Backend.Handles);
        foreach (string name in sources.Names.Where(name => sources.Target(name) is null))
            File.WriteAllBytes(Path.Combine(Cubins, $"{name}.sm_90.cubin"), compiler.Compile(sources[name], sources.Headers, target, KernelLibrary.Options));
        File.WriteAllLines(
            Path.Combine(Cubins, "sources.sha256"),
            sources.Headers.Concat(sources.Names.Select(name => sources[name])).Select(file => $"{Convert.ToHexStringLower(SHA256.HashData(file.Text))}  {file.Path}"));
    }
}
