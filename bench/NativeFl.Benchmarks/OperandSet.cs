using NativeFl.Tensors;

namespace NativeFl.Benchmarks;

/// <summary>Random operands of a benchmark, freed together.</summary>
internal sealed class OperandSet : IDisposable
{
    private readonly List<DeviceMemory> _memory = [];
    private Philox _random = new(1);

    /// <summary>A tensor of numbers in (−0.5, 0.5).</summary>
    public TensorView Random(Backend backend, int rows, int columns)
    {
        DeviceMemory memory = backend.Allocate((long)rows * columns * sizeof(float));
        _memory.Add(memory);
        var tensor = new TensorView(memory.Pointer, new Shape(rows, columns), DType.F32);
        foreach (ref float value in tensor.AsSpan<float>()) value = (float)((_random.NextUInt32() / 4294967296.0) - 0.5);
        return tensor;
    }

    /// <summary>0, 1, 2, … as i32.</summary>
    public TensorView Positions(Backend backend, int count)
    {
        DeviceMemory memory = backend.Allocate((long)count * sizeof(int));
        _memory.Add(memory);
        var tensor = new TensorView(memory.Pointer, new Shape(count), DType.I32);
        for (int i = 0; i < count; i++) tensor.AsSpan<int>()[i] = i;
        return tensor;
    }

    /// <summary>The rows, packed.</summary>
    public PackedMatrix Packed(Backend backend, TensorView rows, DType dtype)
    {
        DeviceMemory memory = backend.Allocate(backend.PackedBytes(rows.Rows, rows.Columns, dtype));
        _memory.Add(memory);
        var packed = new PackedMatrix(memory.Pointer, rows.Rows, rows.Columns, dtype);
        backend.Pack(rows, 0, packed);
        return packed;
    }

    public void Dispose()
    {
        _memory.ForEach(memory => memory.Dispose());
        _memory.Clear();
    }
}
