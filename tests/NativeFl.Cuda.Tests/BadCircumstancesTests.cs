using NativeFl.Tensors;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Models;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>What can be wrong with a machine, injected: each is one error that says what failed, and leaves nothing behind.</summary>
internal sealed class BadCircumstancesTests : CudaTest
{
    private const int BlasNotInitialised = 1, NoDevice = 100, IllegalAddress = 700, LaunchFailed = 719, SystemDriverMismatch = 803;

    [Test]
    public void No_device_is_a_reason()
    {
        using var emulator = new Emulator();
        emulator.SetDevices(0);
        Assert.That(ReasonToRefuse(), Does.Contain("CUDA_ERROR_NO_DEVICE"));
        Assert.That(
            () => CudaBackend.Create(TestDevice.Options),
            Throws.TypeOf<RunFailedException>().With.Message.StartsWith("cuda: not available (").And.Message.Contains("CUDA_ERROR_NO_DEVICE"));
    }

    [Test]
    public void A_driver_that_does_not_start_is_a_reason()
    {
        using var emulator = new Emulator();
        emulator.Fail("cuInit", 0, SystemDriverMismatch);
        Assert.That(ReasonToRefuse(), Does.Contain("SYSTEM_DRIVER_MISMATCH"));
    }

    [Test]
    public void An_old_driver_is_a_reason_that_names_both_versions()
    {
        using var emulator = new Emulator();
        emulator.SetDriverVersion(11040);
        Assert.That(ReasonToRefuse(), Does.Contain("11.4").And.Contain("older than 11.8"));
    }

    [Test]
    public void An_old_device_is_a_reason_that_names_both_architectures()
    {
        using var emulator = new Emulator();
        emulator.SetCapability(7, 5);
        Assert.That(ReasonToRefuse(), Does.Contain("sm_75").And.Contain("sm_80"));
    }

    [Test]
    public void Attention_with_wgmma_on_a_device_without_it_is_a_reason_also_where_the_CPU_would_do([Values("cuda", "auto")] string device)
    {
        using var emulator = new Emulator();
        emulator.SetCapability(8, 9);
        using var fixture = new FixtureCase("llama");
        using var folder = new TemporaryFolder();
        CliRun.Fails(
            1, ["cuda: not available (attention with wgmma: expected compute capability 9.0", "got sm_89, NVRTC 12.99"],
            [
                "eval", "--model", fixture.Folder, "--data", VerbInput.Records(fixture, folder), "--device", device, "--attention", "wgmma",
                "--cuda-libraries", TestDevice.Options!.LibraryFolder,
            ]);
    }

    [TestCase(1)]
    [TestCase(-1)]
    public void A_device_beyond_the_last_is_a_reason(int index) =>
        Assert.That(CudaBackend.TryCreate(TestDevice.Options! with { Device = index + (index > 0 ? 998 : 0) }, out _, out string reason) ? "" : reason, Does.Contain("no device"));

    [TestCase("cuDeviceGetCount")]
    [TestCase("cuDevicePrimaryCtxRetain")]
    [TestCase("cuCtxSetCurrent")]
    [TestCase("cuStreamCreate")]
    [TestCase("cuMemHostAlloc")]
    [TestCase("cuEventCreate")]
    [TestCase("cuMemAlloc_v2")]
    public void A_failure_while_opening_is_a_reason_that_names_the_call(string function)
    {
        using var emulator = new Emulator();
        (ulong Bytes, int Handles) before = emulator.Outstanding();
        emulator.Fail(function, 0, NoDevice);
        Assert.That(ReasonToRefuse(), Does.Contain(function.Replace("_v2", "", StringComparison.Ordinal)));
        Assert.That(emulator.Outstanding(), Is.EqualTo(before), "what was made before it is given back");
    }

    [Test]
    public void A_device_newer_than_the_compiler_runs_code_that_the_driver_finishes()
    {
        using var emulator = new Emulator();
        emulator.SetCapability(19, 9);
        using CudaBackend backend = OpenAnother();
        Assert.That(RoundTrip(backend), Is.EqualTo(1.5f));
        Assert.That(backend.Handles.Alive, Is.GreaterThan(0));
    }

    [Test]
    public void Too_little_memory_names_the_plan_its_largest_tensor_what_is_free_and_what_to_lower()
    {
        using var emulator = new Emulator();
        using CudaBackend backend = OpenAnother();
        emulator.SetMemory(emulator.Outstanding().Bytes);
        var plan = new MemoryPlan("activations");
        Slot small = plan.Add("rstd", new Shape(1000));
        plan.Add("residual stream 0", new Shape(20000, 1000));
        using var arena = new Arena(backend, plan);
        Assert.That(
            () => arena[small],
            Throws.TypeOf<RunFailedException>().With.Message.Contains("activations").And.Message.Contains("residual stream 0 (20000, 1000) of 80000000 bytes")
                .And.Message.Contains("cuMemAlloc of 76.3 MiB").And.Message.Match(@"\d MiB are free").And.Message.Contains("--batch-size"));
        Assert.That(backend.AllocatedBytes, Is.Zero);
        Assert.That(RoundTrip(backend), Is.EqualTo(1.5f), "the backend goes on");
    }

    [Test]
    public void A_refused_launch_names_the_kernel()
    {
        using var emulator = new Emulator();
        using CudaBackend backend = OpenAnother();
        emulator.Fail("cuLaunchKernel", 0, LaunchFailed);
        Assert.That(() => RoundTrip(backend), Throws.TypeOf<CudaException>().With.Message.Contains("copy_f32_to_bf16").And.Property("Status").EqualTo(LaunchFailed));
    }

    [TestCase("cuLaunchKernel", "add_scaled")]
    [TestCase("cuGraphInstantiateWithFlags", "cuGraphInstantiateWithFlags")]
    public void A_graph_that_cannot_be_made_is_an_error_and_made_at_the_next_turn(string function, string says)
    {
        using var emulator = new Emulator();
        using CudaBackend backend = OpenAnother();
        var plan = new MemoryPlan("step");
        Slot x = plan.Add("x", new Shape(8)), y = plan.Add("y", new Shape(8));
        using var arena = new Arena(backend, plan);
        backend.Fill(1, arena[x]);
        backend.Fill(1, arena[y]);
        void Step() => backend.Replay(() =>
        {
            for (int i = 0; i < 4; i++) backend.AddScaled(arena[x], 0.5f, arena[y]);
        });
        Step();
        long before = emulator.Outstanding().Handles;
        emulator.Fail(function, 0, LaunchFailed);
        Assert.That(Step, Throws.TypeOf<CudaException>().With.Message.Contains(says));
        Assert.That(emulator.Outstanding().Handles, Is.EqualTo(before));
        Step();
        Assert.That(backend.Graphs, Is.EqualTo(1));
    }

    [TestCase("cublasLtMatmulDescCreate", 0)]
    [TestCase("cublasLtMatmulDescSetAttribute", 1)]
    [TestCase("cublasLtMatrixLayoutCreate", 2)]
    [TestCase("cublasLtMatmulPreferenceCreate", 0)]
    [TestCase("cublasLtMatmulPreferenceSetAttribute", 5)]
    public void A_product_that_cuBLASLt_cannot_plan_is_an_error_that_names_the_call(string function, int calls)
    {
        using var emulator = new Emulator();
        using CudaBackend backend = OpenAnother();
        if (!backend.ProductsName.StartsWith("cuBLASLt", StringComparison.Ordinal)) Assert.Ignore(backend.ProductsName);
        emulator.Fail(function, calls, BlasNotInitialised);
        Assert.That(() => Use(backend), Throws.TypeOf<CudaException>().With.Message.Contains(function));
        Use(backend);
    }

    [Test]
    public void A_device_lost_in_mid_run_shows_at_the_next_wait_and_at_every_one_after()
    {
        using var emulator = new Emulator();
        using CudaBackend backend = OpenAnother();
        Assert.That(RoundTrip(backend), Is.EqualTo(1.5f));
        emulator.Fail("kernel", 0, IllegalAddress);
        var error = Assert.Throws<CudaException>(() => RoundTrip(backend))!;
        Assert.That(error.Status, Is.EqualTo(IllegalAddress));
        Assert.That(error.Message, Does.Contain("copy_f32_to_bf16").And.Contain("CUDA_ERROR_ILLEGAL_ADDRESS"));
        Assert.That(backend.Synchronize, Throws.TypeOf<CudaException>());
    }

    [Test]
    public void A_lost_device_leaves_nothing_behind_and_the_next_backend_works()
    {
        using var emulator = new Emulator();
        (ulong Bytes, int Handles) before = emulator.Outstanding();
        using (CudaBackend backend = OpenAnother())
        {
            emulator.Fail("kernel", 0, IllegalAddress);
            Assert.That(() => RoundTrip(backend), Throws.TypeOf<CudaException>());
            backend.Dispose();
            Assert.That(backend.Handles.Alive, Is.Zero);
        }
        emulator.Dispose();
        using var again = new Emulator();
        Assert.That(again.Outstanding(), Is.EqualTo(before));
    }

    [Test]
    public void Everything_of_a_backend_goes_with_it()
    {
        using var emulator = new Emulator();
        (ulong Bytes, int Handles) before = emulator.Outstanding();
        using (CudaBackend backend = OpenAnother())
        {
            Use(backend);
            Assert.That(emulator.Outstanding().Handles, Is.GreaterThan(before.Handles));
        }
        Assert.That(emulator.Outstanding(), Is.EqualTo(before));
    }

    [Test]
    public void Memory_that_its_owner_forgot_goes_with_the_backend_and_may_be_given_back_late()
    {
        using var emulator = new Emulator();
        (ulong Bytes, int Handles) before = emulator.Outstanding();
        CudaBackend backend = OpenAnother();
        DeviceMemory forgotten = backend.Allocate(1000);
        Assert.That(backend.AllocatedBytes, Is.EqualTo(1000), "the leak shows");
        backend.Dispose();
        Assert.That(emulator.Outstanding(), Is.EqualTo(before));
        forgotten.Dispose();
        Assert.That(emulator.Outstanding(), Is.EqualTo(before));
        Assert.That(() => backend.Allocate(1), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void Another_thread_may_go_on_with_a_backend()
    {
        float result = 0;
        var thread = new Thread(() => result = RoundTrip(Backend));
        thread.Start();
        thread.Join();
        Assert.That(result, Is.EqualTo(1.5f));
    }

    private static CudaBackend OpenAnother() => CudaBackend.Create(TestDevice.Options);

    private static string ReasonToRefuse()
    {
        bool opens = CudaBackend.TryCreate(TestDevice.Options!, out CudaBackend? backend, out string reason);
        backend?.Dispose();
        Assert.That(opens, Is.False);
        return reason;
    }

    /// <summary>1.5 by way of a kernel of the device.</summary>
    private static float RoundTrip(CudaBackend backend)
    {
        var plan = new MemoryPlan("round trip");
        Slot wide = plan.Add("wide", new Shape(8)), narrow = plan.Add("narrow", new Shape(8), DType.BF16);
        using var arena = new Arena(backend, plan);
        backend.Fill(1.5f, arena[wide]);
        backend.Copy(arena[wide], arena[narrow]);
        ushort[] values = new ushort[8];
        backend.Download<ushort>(arena[narrow], values);
        return NativeFl.Tensors.Cpu.Bf16.Widen(values[3]);
    }

    /// <summary>Products, workspaces, descriptors and graphs.</summary>
    private static void Use(CudaBackend backend)
    {
        var plan = new MemoryPlan("use");
        Slot x = plan.Add("x", new Shape(64, 64)), y = plan.Add("y", new Shape(64, 64)), norms = plan.Add("norms", new Shape(1));
        using var arena = new Arena(backend, plan);
        backend.Upload<float>(Sample.Normal(64 * 64, 1), arena[x]);
        for (int turn = 0; turn < 3; turn++)
        {
            backend.Replay(() =>
            {
                backend.MatMul(arena[x], false, arena[x], true, false, arena[y]);
                backend.GradNorm(arena[y], [new ParameterRange(0, 64 * 64, 0)], arena[norms]);
                for (int i = 0; i < 4; i++) backend.AddScaled(arena[x], 0.5f, arena[y]);
            });
        }
        backend.Synchronize();
        Assert.That(backend.Graphs, Is.EqualTo(1));
    }
}
