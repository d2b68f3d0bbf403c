using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests;

/// <summary>What a backend hands out comes back. Every op test checks the same at its end, through OpTest.</summary>
public sealed class LeakTests
{
    [Test]
    public void Disposed_arenas_give_every_byte_back()
    {
        using var backend = new CpuBackend(new CpuBackendOptions { Threads = 1 });
        var plan = new MemoryPlan("test");
        Slot slot = plan.Add("a", new Shape(3, 5));
        plan.Add("b", new Shape(7), DType.BF16);
        var first = new Arena(backend, plan);
        var second = new Arena(backend, plan);
        Assert.That(first[slot].Pointer, Is.Not.EqualTo(second[slot].Pointer));
        Assert.That(backend.AllocatedBytes, Is.EqualTo(2 * plan.Bytes));
        first.Dispose();
        Assert.That(backend.AllocatedBytes, Is.EqualTo(plan.Bytes));
        first.Dispose();
        second.Dispose();
        Assert.That(backend.AllocatedBytes, Is.Zero);
    }

    [Test]
    public void A_forgotten_arena_shows()
    {
        using var backend = new CpuBackend(new CpuBackendOptions { Threads = 1 });
        var plan = new MemoryPlan("test");
        plan.Add("a", new Shape(16));
        using DeviceMemory forgotten = backend.Allocate(plan.Bytes);
        Assert.That(backend.AllocatedBytes, Is.EqualTo(64));
    }

    [Test]
    public void A_disposed_arena_hands_out_nothing()
    {
        using var backend = new CpuBackend(new CpuBackendOptions { Threads = 1 });
        var plan = new MemoryPlan("test");
        Slot slot = plan.Add("a", new Shape(4));
        var arena = new Arena(backend, plan);
        arena.Dispose();
        Assert.That(() => arena[slot], Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void Fresh_memory_is_zero()
    {
        using var backend = new CpuBackend(new CpuBackendOptions { Threads = 1 });
        var plan = new MemoryPlan("test");
        Slot slot = plan.Add("a", new Shape(1000));
        for (int round = 0; round < 3; round++)
        {
            using var arena = new Arena(backend, plan);
            Assert.That(arena[slot].AsSpan<float>().ToArray(), Is.All.Zero);
            arena[slot].AsSpan<float>().Fill(float.NaN);
        }
    }
}
