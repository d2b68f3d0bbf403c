using NativeFl.Cuda.Interop;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Models;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>
/// Too little device memory, wherever it shows: one error that names what did not fit, what is free and what to lower. What the backend
/// itself needs is taken when it is opened, so that what fails later is a plan, and never a step.
/// </summary>
internal sealed class DeviceMemoryTests : CudaTest
{
    private const int OutOfMemory = 2;
    private const ulong Mebibyte = 1 << 20;

    // What a backend takes when it is opened: descriptors, cuBLASLt's workspace, its own.
    private const ulong Descriptors = 16 * Mebibyte, Blas = 32 * Mebibyte, Workspace = 64 * Mebibyte;

    [TestCase(Descriptors - 1, "cuMemAlloc of 16.0 MiB for descriptors: ")]
    [TestCase(Descriptors + Blas - 1, "cuMemAlloc of 32.0 MiB for cuBLASLt: ")]
    [TestCase(Descriptors + Blas + Workspace - 1, "cuMemAlloc of 64.0 MiB of workspace: ")]
    public void A_device_too_full_to_open_is_a_reason_that_names_the_block(ulong room, string start)
    {
        using var emulator = new Emulator();
        (ulong Bytes, int Handles) before = emulator.Outstanding();
        emulator.SetMemory(Used() + room);
        Assert.That(CudaBackend.TryCreate(TestDevice.Options!, out _, out string reason), Is.False);
        Assert.That(reason, Does.StartWith(start).And.Contain("CUDA_ERROR_OUT_OF_MEMORY").And.Match("MiB are free; lower --batch-size, "));
        Assert.That(emulator.Outstanding(), Is.EqualTo(before));
    }

    [Test]
    public void A_device_too_full_for_a_context_is_a_reason()
    {
        using var emulator = new Emulator();
        emulator.Fail("cuDevicePrimaryCtxRetain", 0, OutOfMemory);
        Assert.That(CudaBackend.TryCreate(TestDevice.Options!, out _, out string reason), Is.False);
        Assert.That(reason, Does.StartWith("cuDevicePrimaryCtxRetain: ").And.Contain("lower --batch-size"));
    }

    [Test]
    public void A_full_device_runs_every_op_whose_tensors_it_holds()
    {
        using var emulator = new Emulator();
        using CudaBackend backend = CudaBackend.Create(TestDevice.Options);
        using var work = new Work(backend);
        emulator.SetMemory(0);
        for (int turn = 0; turn < 3; turn++) work.Step();
        backend.Synchronize();
        Assert.That(backend.Graphs, Is.EqualTo(1));
        Assert.That(() => backend.Allocate(1), Throws.TypeOf<CudaException>().With.Property("Status").EqualTo(OutOfMemory));
    }

    [TestCase("cuGraphInstantiateWithFlags", "cuGraphInstantiateWithFlags: ")]
    [TestCase("cuGraphLaunch", "launch a graph of ")]
    [TestCase("cuModuleLoadDataEx", "load kernels/")]
    [TestCase("cuLaunchKernel", "launch ")]
    public void A_call_that_runs_out_says_what_is_free_and_what_to_lower_and_the_backend_goes_on(string function, string operation)
    {
        using var emulator = new Emulator();
        using CudaBackend backend = CudaBackend.Create(TestDevice.Options);
        using var work = new Work(backend);
        emulator.Fail(function, 0, OutOfMemory);
        Assert.That(
            () =>
            {
                for (int turn = 0; turn < 3; turn++) work.Step();
            },
            Throws.TypeOf<CudaException>().With.Message.StartsWith($"cuda: {operation}").And.Message.Contains("CUDA_ERROR_OUT_OF_MEMORY")
                .And.Message.Match("MiB are free; lower --batch-size, "));
        for (int turn = 0; turn < 3; turn++) work.Step();
        backend.Synchronize();
        Assert.That(backend.Graphs, Is.EqualTo(1));
    }

    [Test]
    public void Pinned_memory_is_the_hosts()
    {
        using var emulator = new Emulator();
        emulator.Fail("cuMemHostAlloc", 0, OutOfMemory);
        Assert.That(CudaBackend.TryCreate(TestDevice.Options!, out _, out string reason), Is.False);
        Assert.That(reason, Does.StartWith("cuMemHostAlloc of 16.0 MiB of host memory: ").And.Not.Contain("are free"));
    }

    // Beside what the fixture's backend holds: too little to open, then what opens and holds nothing, then part of the run.
    [TestCase(Descriptors, "cuda: not available (cuMemAlloc of 32.0 MiB for cuBLASLt: ")]
    [TestCase(Descriptors + Blas + Workspace + 1024, "")]
    [TestCase(Descriptors + Blas + Workspace + 40_000, "")]
    public void Training_on_a_device_that_is_too_small_ends_in_one_line(ulong room, string start)
    {
        using var emulator = new Emulator();
        using var folder = new TemporaryFolder();
        using var fixture = new FixtureCase("llama");
        string data = VerbInput.Records(fixture, folder);
        emulator.SetMemory(Used() + room);
        CliRun run = CliRun.Of(
        [
            "train", "--model", fixture.Folder, "--data", data, "--steps", "2", "--batch-size", "2", "--seed", "3", "--quiet",
            .. CommandLineDevice.Flags("f32"), "--out", folder.At("out"),
        ]);
        Assert.That(run.ExitCode, Is.EqualTo(1), run.Error);
        Assert.That(run.Error.Trim(), Does.StartWith(start).And.Not.Contain("\n"));
        Assert.That(run.Error, Does.Match("MiB are free; lower --batch-size, "));
        if (start.StartsWith("cuda", StringComparison.Ordinal)) return;
        Assert.That(run.Error, Does.Match(@"^[a-z][a-z ]*: \d+ bytes in \d+ tensors, the largest .+ of \d+ bytes: cuda: cuMemAlloc of "), "the plan and its largest tensor");
    }

    /// <summary>Bytes of the device that are taken, here of the fixture's backend.</summary>
    private unsafe ulong Used()
    {
        Backend.Synchronize();
        nuint free, total;
        Status.Check(CudaDriver.cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
        return total - free;
    }

    /// <summary>A step of products, a workspace and descriptors, long enough for a graph.</summary>
    private sealed class Work : IDisposable
    {
        private readonly CudaBackend _backend;
        private readonly Arena _arena;
        private readonly TensorView _x, _y, _norms;

        public Work(CudaBackend backend)
        {
            var plan = new MemoryPlan("work");
            Slot x = plan.Add("x", new Shape(64, 64)), y = plan.Add("y", new Shape(64, 64)), norms = plan.Add("norms", new Shape(1));
            (_backend, _arena) = (backend, new Arena(backend, plan));
            (_x, _y, _norms) = (_arena[x], _arena[y], _arena[norms]);
            backend.Upload<float>(Sample.Normal(64 * 64, 1), _x);
        }

        public void Step() => _backend.Replay(() =>
        {
            _backend.MatMul(_x, false, _x, true, false, _y);
            _backend.GradNorm(_y, [new ParameterRange(0, 64 * 64, 0)], _norms);
            for (int i = 0; i < 4; i++) _backend.AddScaled(_x, 0.5f, _y);
        });

        public void Dispose() => _arena.Dispose();
    }
}
