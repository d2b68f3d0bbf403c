using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>Trainable values in one flat f32 buffer, with gradients and AdamW's two moments in buffers of the same layout.</summary>
internal sealed class FlatParameters : IDisposable
{
    private readonly Arena _arena;
    private readonly Slot _values, _gradients, _first, _second, _norms;
    private readonly bool _trainable, _steps;

    /// <param name="backend">Where they live.</param>
    /// <param name="count">Elements.</param>
    /// <param name="trainable">False: values only.</param>
    /// <param name="segments">Optimiser segments (clients).</param>
    /// <param name="steps">Whether an optimiser steps them; false: gradients, but no moments.</param>
    public FlatParameters(Backend backend, long count, bool trainable, int segments, bool steps = true)
    {
        if (count > Array.MaxLength)
            throw new InvalidInputException("trainable parameters", $"at most {Array.MaxLength:N0} in one run", $"{count:N0}");
        (_trainable, _steps) = (trainable, trainable && steps);
        Plan = new MemoryPlan(_steps ? "trained values and optimiser state" : trainable ? "adapters and their gradients" : "adapters");
        var shape = new Shape((int)Math.Max(count, 1));
        _values = Plan.Add("values", shape);
        if (trainable)
        {
            _gradients = Plan.Add("gradients", shape);
            _norms = Plan.Add("gradient norms", new Shape(segments));
        }

        if (_steps)
        {
            _first = Plan.Add("first moments", shape);
            _second = Plan.Add("second moments", shape);
        }

        _arena = new Arena(backend, Plan);
    }

    /// <summary>The memory table.</summary>
    public MemoryPlan Plan { get; }

    public TensorView Values => _arena[_values];

    /// <summary>Empty unless trainable, as the norms; the moments are empty unless an optimiser steps too.</summary>
    public TensorView Gradients => _trainable ? _arena[_gradients] : default;

    public TensorView FirstMoments => _steps ? _arena[_first] : default;

    public TensorView SecondMoments => _steps ? _arena[_second] : default;

    /// <summary>(segments) f32.</summary>
    public TensorView Norms => _trainable ? _arena[_norms] : default;

    /// <summary>A (rows, columns) matrix that starts at element <paramref name="offset"/> of one of the buffers.</summary>
    public static TensorView Matrix(TensorView buffer, long offset, int rows, int columns) =>
        buffer.IsEmpty ? default : new TensorView(buffer.Pointer + (nint)(offset * sizeof(float)), new Shape(rows, columns), DType.F32);

    public void Dispose() => _arena.Dispose();
}
