using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>Random operands on a device, of its activation type unless said otherwise, freed together.</summary>
internal sealed class DeviceOperands(Backend backend) : IDisposable
{
    private const int BlockRows = 256;

    private readonly List<DeviceMemory> _memory = [];

    /// <summary>Numbers in (−0.5, 0.5): a block of random rows, repeated, so that gigabytes do not cross the bus.</summary>
    public TensorView Random(int rows, int columns) => Random(rows, columns, backend.ActivationType);

    /// <summary>As above, of a type.</summary>
    public TensorView Random(int rows, int columns, DType type)
    {
        TensorView tensor = New(rows, columns, type);
        int block = Math.Min(rows, BlockRows);
        using DeviceMemory staging = backend.Allocate((long)block * columns * sizeof(float));
        var values = new float[(long)block * columns];
        CounterHash.Fill((ulong)_memory.Count, 0, 0.5f, values);
        var random = new TensorView(staging.Pointer, new Shape(block, columns), DType.F32);
        backend.Upload<float>(values, random);
        for (int first = 0; first < rows; first += block)
        {
            int count = Math.Min(block, rows - first);
            backend.Copy(random.Slice(0, count), tensor.Slice(first, count));
        }
        backend.Synchronize();
        return tensor;
    }

    /// <summary>Integers below a bound.</summary>
    public TensorView Integers(int count, Func<int, int> value)
    {
        TensorView tensor = New(count, 1, DType.I32);
        backend.Upload<int>(Enumerable.Range(0, count).Select(value).ToArray(), tensor);
        return tensor;
    }

    public void Dispose()
    {
        _memory.ForEach(memory => memory.Dispose());
        _memory.Clear();
    }

    private TensorView New(int rows, int columns, DType type)
    {
        DeviceMemory memory = backend.Allocate((long)rows * columns * type.Size());
        _memory.Add(memory);
        return new TensorView(memory.Pointer, new Shape(rows, columns), type);
    }
}
