using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

/// <summary>A backend and the tensors of one test, filled from a seed; everything goes when the test does.</summary>
internal sealed class TensorBench : IDisposable
{
    private readonly List<DeviceMemory> _memory = [];
    private Philox _random = new(2026, 11);

    public TensorBench(int threads = 2, int bits = 512, CpuBlas blas = CpuBlas.None) =>
        Backend = new CpuBackend(new CpuBackendOptions { Threads = threads, MaxVectorBits = bits, Blas = blas });

    public CpuBackend Backend { get; }

    /// <summary>Numbers in (−1, 1); the same ones in the same order for every bench.</summary>
    public float[] Random(int count)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (float)((_random.NextUInt32() / 2147483648.0) - 1);
        return values;
    }

    public TensorView Tensor(float[] values, int rows, int columns)
    {
        TensorView view = Empty(rows, columns);
        Backend.Upload<float>(values, view);
        return view;
    }

    public TensorView Empty(int rows, int columns, DType dtype = DType.F32)
    {
        var shape = new Shape(rows, columns);
        return new TensorView(Allocate(Math.Max(64, shape.Count * dtype.Size())), shape, dtype);
    }

    public PackedMatrix Packed(float[] values, int outputs, int inputs, DType dtype)
    {
        var packed = new PackedMatrix(Allocate(Backend.PackedBytes(outputs, inputs, dtype)), outputs, inputs, dtype);
        Backend.Pack(Tensor(values, outputs, inputs), 0, packed);
        return packed;
    }

    public float[] Unpacked(PackedMatrix packed)
    {
        TensorView rows = Empty(packed.Out, packed.In);
        Backend.Unpack(packed, 0, rows);
        return Values(rows);
    }

    public static float[] Values(TensorView view) => view.AsSpan<float>().ToArray();

    public static double[] Wide(float[] values) => Array.ConvertAll(values, v => (double)v);

    /// <summary>The values that a matrix of <paramref name="dtype"/> holds after being given <paramref name="values"/>.</summary>
    public static float[] Stored(float[] values, DType dtype) =>
        dtype == DType.BF16 ? Array.ConvertAll(values, v => Bf16.Widen(Bf16.Round(v))) : values;

    public void Dispose()
    {
        foreach (DeviceMemory memory in _memory) memory.Dispose();
        Assert.That(Backend.AllocatedBytes, Is.Zero, "bytes left after everything was given back");
        Backend.Dispose();
    }

    private nint Allocate(long bytes)
    {
        DeviceMemory memory = Backend.Allocate(bytes);
        _memory.Add(memory);
        return memory.Pointer;
    }
}
