namespace NativeFl.Tensors;

/// <summary>One block of a backend's memory, cut into the tensors of a <see cref="MemoryPlan"/>. Fresh memory is zero.</summary>
public sealed class Arena : IDisposable
{
    private readonly DeviceMemory _memory;

    /// <summary>Allocates everything that <paramref name="plan"/> lists, in one block.</summary>
    public Arena(Backend backend, MemoryPlan plan)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(plan);
        Bytes = plan.Bytes;
        _memory = backend.Allocate(Math.Max(plan.Bytes, MemoryPlan.Alignment));
    }

    /// <summary>The size of the block in bytes.</summary>
    public long Bytes { get; }

    /// <summary>The row-major tensor of a slot of the plan that this arena was made from.</summary>
    public TensorView this[Slot slot] => new(Address(slot), slot.Shape, slot.DType);

    /// <summary>The packed matrix (rows = out, columns = in) of a slot that was planned with <see cref="Backend.PackedBytes"/>.</summary>
    public PackedMatrix Packed(Slot slot) => new(Address(slot), slot.Shape.Rows, slot.Shape.Columns, slot.DType);

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private nint Address(Slot slot)
    {
        ObjectDisposedException.ThrowIf(_memory.IsClosed, this);
        if (slot.Offset + slot.Bytes > Bytes) throw new ArgumentException($"slot {slot.Name} belongs to another plan", nameof(slot));
        return _memory.Pointer + (nint)slot.Offset;
    }
}
