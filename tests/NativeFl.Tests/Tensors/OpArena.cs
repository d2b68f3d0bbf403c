using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

/// <summary>A CPU backend and the tensors of one test. At the end every byte must have come back.</summary>
internal sealed class OpArena(int threads = 2) : IDisposable
{
    private readonly List<Arena> _arenas = [];

    public CpuBackend Backend { get; } = new(new CpuBackendOptions { Threads = threads });

    /// <summary>A tensor of these numbers.</summary>
    public TensorView Floats(float[] values, int rows, int columns)
    {
        TensorView tensor = New(rows, columns, DType.F32);
        Backend.Upload<float>(values, tensor);
        return tensor;
    }

    /// <summary>A vector of these integers.</summary>
    public TensorView Integers(params int[] values)
    {
        TensorView tensor = New(values.Length, 1, DType.I32);
        Backend.Upload<int>(values, tensor);
        return tensor;
    }

    /// <summary>A tensor full of NaN: whatever an op does not write stays NaN.</summary>
    public TensorView Unwritten(int rows, int columns = 1) =>
        Floats([.. Enumerable.Repeat(float.NaN, rows * columns)], rows, columns);

    public TensorView New(int rows, int columns, DType dtype)
    {
        var plan = new MemoryPlan("test");
        Slot slot = plan.Add("tensor", new Shape(rows, columns), dtype);
        var arena = new Arena(Backend, plan);
        _arenas.Add(arena);
        return arena[slot];
    }

    /// <summary>A packed matrix of these row-major numbers.</summary>
    public PackedMatrix Packed(float[] values, int rows, int columns, DType dtype)
    {
        var plan = new MemoryPlan("test");
        Slot slot = plan.Add("matrix", new Shape(rows, columns), dtype, Backend.PackedBytes(rows, columns, dtype));
        var arena = new Arena(Backend, plan);
        _arenas.Add(arena);
        Backend.Pack(Floats(values, rows, columns), 0, arena.Packed(slot));
        return arena.Packed(slot);
    }

    public float[] Read(TensorView tensor)
    {
        float[] values = new float[tensor.Count];
        Backend.Download<float>(tensor, values);
        return values;
    }

    public void Dispose()
    {
        foreach (Arena arena in _arenas) arena.Dispose();
        long left = Backend.AllocatedBytes;
        Backend.Dispose();
        Assert.That(left, Is.Zero, "bytes not given back");
    }
}
