using NativeFl.Cuda.Interop;
using NativeFl.Cuda.Kernels;
using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>
/// What a comparison of two runs is worth on the emulator: a kernel with a race, whose number says in which order its threads ran, does not
/// give the same bits twice.
/// </summary>
internal sealed unsafe class OrderTests : CudaTest
{
    private const string Race = "extern \"C\" __global__ void __launch_bounds__(128) race(float* x) { x[0] = 0.5f * x[0] + threadIdx.x; }";

    private KernelLibrary? _kernels;

    [OneTimeTearDown]
    public void Unload() => _kernels?.Dispose();

    [Test]
    public void A_race_gives_other_bits_when_it_is_run_again()
    {
        using var emulator = new Emulator();
        float first = Run();
        Assert.That(Run(), Is.Not.EqualTo(first));
    }

    [Test]
    public void A_race_gives_the_same_bits_with_the_same_seed_and_others_with_another()
    {
        using var emulator = new Emulator();
        float[] OfSeed(ulong seed)
        {
            emulator.SetSeed(seed);
            return [Run(), Run()];
        }

        float[] first = OfSeed(7);
        Assert.That(OfSeed(7), Is.EqualTo(first));
        Assert.That(OfSeed(8).Zip(first, (a, b) => a != b), Is.All.True);
    }

    [Test]
    public void Every_test_begins_with_the_first_order_of_its_seed()
    {
        using var emulator = new Emulator();
        float first = Run();
        emulator.SetSeed(emulator.Seed());
        Assert.That(Run(), Is.EqualTo(first));
    }

    private float Run()
    {
        _kernels ??= new KernelLibrary(
            new KernelSources([new KernelSource("kernels/race.cu", System.Text.Encoding.UTF8.GetBytes(Race))]), new PrebuiltKernels("", KernelSources.Embedded()),
            new KernelCache(""), new NvrtcCompiler(Backend.Handles), "", Backend.Architecture, Backend.Handles);
        TensorView x = New(1, 1);
        Backend.Fill(0, x);
        Backend.Synchronize();
        nint argument = x.Pointer;
        void* parameters = &argument;
        Assert.That(CudaDriver.cuLaunchKernel(_kernels["race"]["race"].Handle, 1, 1, 1, 128, 1, 1, 0, 0, &parameters, null), Is.Zero);
        Assert.That(CudaDriver.cuStreamSynchronize(0), Is.Zero);
        return Download(x)[0];
    }
}
