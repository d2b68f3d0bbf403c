using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>The games of <see cref="ShapleyMeasurement"/> on a device, from <see cref="CounterHash"/> as the peer draws them.</summary>
internal sealed class ShapleyOperands : IDisposable
{
    private readonly List<DeviceMemory> _memory = [];
    private readonly Backend _backend;
    private readonly int _players;

    public ShapleyOperands(Backend backend, int players, int parts)
    {
        (_backend, _players) = (backend, players);
        Partials = New(parts, 2 * players, DType.F64);
        Moments = New(2, players, DType.F64);
    }

    public TensorView Partials { get; }

    public TensorView Moments { get; }

    /// <summary>Uniform in ± 1/√n.</summary>
    public TensorView Floats(string name, int rows, int columns)
    {
        TensorView tensor = New(rows, columns, DType.F32);
        float[] values = new float[(long)rows * columns];
        CounterHash.Fill(CounterHash.Stream($"shapley/{name}"), 0, 1 / MathF.Sqrt(_players), values);
        _backend.Upload<float>(values, tensor);
        return tensor;
    }

    /// <summary>The products of rows of a width.</summary>
    public TensorView Gram(string name, int width)
    {
        TensorView rows = Floats(name, _players, width), gram = New(_players, _players, DType.F32);
        _backend.MatMul(rows, false, rows, true, false, gram);
        return gram;
    }

    /// <summary>Weights below 100, and half of their sum.</summary>
    public (TensorView Weights, long Quota) Votes()
    {
        ulong stream = CounterHash.Stream("shapley/weights");
        int[] weights = [.. Enumerable.Range(0, _players).Select(i => CounterHash.Integer(stream, (ulong)i, 100))];
        return (Integers(weights, _players, 1), weights.Sum() / 2);
    }

    /// <summary>Random ranks of all players at every point, and a coin for the class.</summary>
    public TensorView Keys(int points)
    {
        var keys = new int[_players * points];
        for (int t = 0; t < points; t++)
        {
            ulong stream = CounterHash.Stream($"shapley/point {t}");
            int[] byDistance = [.. Enumerable.Range(0, _players).OrderBy(i => CounterHash.Bits(stream, (ulong)i))];
            for (int rank = 0; rank < _players; rank++)
                keys[(byDistance[rank] * points) + t] = (2 * rank) + (int)(CounterHash.Bits(stream, (ulong)byDistance[rank]) & 1);
        }

        return Integers(keys, _players, points);
    }

    /// <summary>Σ over the players of what the last op found, a block.</summary>
    public double SumOfValues(int blocks)
    {
        double[] moments = new double[2 * _players];
        _backend.Download<double>(Moments, moments);
        return moments.Take(_players).Sum() / blocks;
    }

    public void Dispose() => _memory.ForEach(memory => memory.Dispose());

    private TensorView Integers(int[] values, int rows, int columns)
    {
        TensorView tensor = New(rows, columns, DType.I32);
        _backend.Upload<int>(values, tensor);
        return tensor;
    }

    private TensorView New(int rows, int columns, DType type)
    {
        DeviceMemory memory = _backend.Allocate((long)rows * columns * type.Size());
        _memory.Add(memory);
        return new TensorView(memory.Pointer, new Shape(rows, columns), type);
    }
}
