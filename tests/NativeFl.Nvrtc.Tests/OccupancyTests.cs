using System.Text;
using NativeFl.Cuda;
using NativeFl.Cuda.Kernels;

namespace NativeFl.Nvrtc.Tests;

/// <summary>The arithmetic of occupancy against what NVIDIA publishes.</summary>
internal sealed class OccupancyTests
{
    // CUDA C++ Best Practices Guide, "Calculating Occupancy": 37 registers a thread, on limits that sm_80 and sm_90 share.
    [TestCase(128, 37, 12, 48, "registers")]
    [TestCase(320, 37, 4, 40, "registers")]
    // 32 registers fill all 2,048 threads, the 255 of a thread at most leave eight warps.
    [TestCase(256, 32, 8, 64, "warps")]
    [TestCase(1024, 32, 2, 64, "warps")]
    [TestCase(1024, 33, 1, 32, "registers")]
    [TestCase(128, 255, 2, 8, "registers")]
    // 32 blocks at most.
    [TestCase(32, 16, 32, 32, "blocks")]
    [TestCase(64, 16, 32, 64, "warps")]
    public void Threads_and_registers_bound_it(int threads, int registers, int blocks, int warps, string bound)
    {
        foreach (int architecture in new[] { 80, 90 })
            Assert.That(Occupancy.Of(architecture, threads, registers, 0), Is.EqualTo(new Occupancy(blocks, warps, warps / 64.0, bound)));
    }

    // Tuning guides for Ampere and Hopper: 164 and 228 KB, of which every block takes 1 KB besides its own.
    [TestCase(80, 163, 1)]
    [TestCase(80, 81, 2)]
    [TestCase(80, 82, 1)]
    [TestCase(90, 227, 1)]
    [TestCase(90, 113, 2)]
    [TestCase(90, 114, 1)]
    [TestCase(90, 228, 0)]
    public void Shared_memory_bounds_it(int architecture, int kilobytes, int blocks) =>
        Assert.That(Occupancy.Of(architecture, 128, 32, kilobytes << 10), Is.EqualTo(new Occupancy(blocks, 4 * blocks, blocks / 16.0, "shared")));

    [Test]
    public void Smaller_devices_hold_48_warps([Values(86, 89)] int architecture) =>
        Assert.That(Occupancy.Of(architecture, 256, 40, 0), Is.EqualTo(new Occupancy(6, 48, 1, "warps")));

    [Test]
    public void An_unknown_architecture_has_none() => Assert.That(Occupancy.Of(75, 128, 32, 0), Is.Null);

    // The launchers ask for the same numbers; a file that declares such memory has some, and no other has.
    [Test]
    public void Dynamic_shared_memory_is_known_of_every_kernel_that_has_some()
    {
        KernelSources sources = KernelSources.Embedded();
        foreach (string name in sources.Names)
        {
            Assert.That(sources.EntryPoints(name).Any(entry => DynamicShared.Of(entry) > 0), Is.EqualTo(Declares(sources, sources[name])), name);
        }
    }

    // By itself or by a header.
    private static bool Declares(KernelSources sources, KernelSource source)
    {
        string text = Encoding.UTF8.GetString(source.Text);
        return text.Contains("    DYNAMIC_SHARED(", StringComparison.Ordinal) || text.Contains("    SWIZZLED_SHARED(", StringComparison.Ordinal)
            || sources.Headers.Any(header => text.Contains($"#include \"device/{header.Name}.cuh\"", StringComparison.Ordinal) && Declares(sources, header));
    }
}
