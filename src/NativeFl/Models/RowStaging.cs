using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>A bounded buffer, on the host and in the backend's memory, through which matrices pass row block by row block.</summary>
internal sealed class RowStaging : IDisposable
{
    private readonly float[] _host;
    private readonly Arena _arena;
    private readonly Slot _slot;

    public RowStaging(Backend backend, int elements, IReadOnlyList<ModelParameter> parameters)
    {
        int widest = parameters.Max(p => p.Columns);
        int largest = checked((int)Math.Min(elements, parameters.Max(p => p.Count)));
        int size = Math.Max(widest, largest);
        _host = new float[size];
        var plan = new MemoryPlan("staging");
        _slot = plan.Add("rows", new Shape(size));
        _arena = new Arena(backend, plan);
    }

    /// <summary>Row blocks of a parameter that fit.</summary>
    public IEnumerable<(int First, int Count)> Blocks(ModelParameter parameter)
    {
        int step = Math.Max(1, _host.Length / Math.Max(parameter.Columns, 1));
        for (int first = 0; first < parameter.Rows; first += step)
            yield return (first, Math.Min(step, parameter.Rows - first));
    }

    /// <summary>Host room for <paramref name="rows"/> rows.</summary>
    public Memory<float> Host(ModelParameter parameter, int rows) => _host.AsMemory(0, rows * Math.Max(parameter.Columns, 1));

    /// <summary>Backend room for <paramref name="rows"/> rows.</summary>
    public TensorView Device(ModelParameter parameter, int rows) => new(_arena[_slot].Pointer, new Shape(rows, parameter.Columns), DType.F32);

    public void Dispose() => _arena.Dispose();
}
