namespace NativeFl.Tensors;

/// <summary>
/// One block of a backend's memory, cut into the tensors of a <see cref="MemoryPlan"/>. The block is allocated when the first tensor is
/// asked for, so that a whole run can be laid out and its plan printed before any memory is taken. Fresh memory is zero.
/// </summary>
public sealed class Arena(Backend backend, MemoryPlan plan) : IDisposable
{
    private DeviceMemory? _memory;
    private bool _disposed;

    /// <summary>The size of the block in bytes.</summary>
    public long Bytes => plan.Bytes;

    /// <summary>The row-major tensor of a slot of the plan that this arena was made from.</summary>
    public TensorView this[Slot slot] => new(Address(slot), slot.Shape, slot.DType);

    /// <summary>The packed matrix (rows = out, columns = in) of a slot that was planned with <see cref="Backend.PackedBytes"/>.</summary>
    public PackedMatrix Packed(Slot slot) => new(Address(slot), slot.Shape.Rows, slot.Shape.Columns, slot.DType);

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _memory?.Dispose();
    }

    private nint Address(Slot slot)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (slot.Offset + slot.Bytes > Bytes) throw new ArgumentException($"slot {slot.Name} belongs to another plan", nameof(slot));
        _memory ??= Allocate();
        return _memory.Pointer + (nint)slot.Offset;
    }

    private DeviceMemory Allocate()
    {
        try
        {
            return backend.Allocate(Math.Max(plan.Bytes, MemoryPlan.Alignment));
        }
        catch (NativeFlException e)
        {
            Slot largest = plan.Slots.MaxBy(slot => slot.Bytes);
            throw new RunFailedException(
                $"{plan.Name}: {plan.Bytes} bytes in {plan.Slots.Count} tensors, the largest {largest.Name} {largest.Shape} of {largest.Bytes} bytes: {e.Message}", e);
        }
    }
}
