using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>Numbers of a game on a backend.</summary>
internal sealed class DeviceOperand : IDisposable
{
    private readonly DeviceMemory _memory;

    private DeviceOperand(Backend backend, Shape shape, DType dtype)
    {
        _memory = backend.Allocate(Math.Max(MemoryPlan.Alignment, shape.Count * dtype.Size()));
        View = new TensorView(_memory.Pointer, shape, dtype);
    }

    /// <summary>Where they are.</summary>
    public TensorView View { get; }

    /// <summary>A matrix of these.</summary>
    public static DeviceOperand Of(Backend backend, ReadOnlySpan<float> values, int rows, int columns)
    {
        DeviceOperand operand = Empty(backend, rows, columns, DType.F32);
        backend.Upload(values, operand.View);
        return operand;
    }

    /// <summary>A matrix of these.</summary>
    public static DeviceOperand Of(Backend backend, ReadOnlySpan<int> values, int rows, int columns)
    {
        DeviceOperand operand = Empty(backend, rows, columns, DType.I32);
        backend.Upload(values, operand.View);
        return operand;
    }

    /// <summary>A matrix of zeros.</summary>
    public static DeviceOperand Empty(Backend backend, int rows, int columns, DType dtype) => new(backend, new Shape(rows, columns), dtype);

    public void Dispose() => _memory.Dispose();
}
