namespace NativeFl.Tensors;

/// <summary>
/// A table of tensors that will live in one block of memory: planned first, printed if wanted, then allocated in one call by
/// <see cref="Arena"/>.
/// </summary>
public sealed class MemoryPlan(string name)
{
    /// <summary>Every slot starts at a multiple of this many bytes: a cache line, and what a vector load likes.</summary>
    public const int Alignment = 64;

    private readonly List<Slot> _slots = [];

    /// <summary>What the block holds, such as "activations".</summary>
    public string Name { get; } = name;

    /// <summary>The rows so far.</summary>
    public IReadOnlyList<Slot> Slots => _slots;

    /// <summary>The size of the block in bytes.</summary>
    public long Bytes { get; private set; }

    /// <summary>Adds a row-major tensor.</summary>
    public Slot Add(string name, Shape shape, DType dtype = DType.F32) => Add(name, shape, dtype, shape.Count * dtype.Size());

    /// <summary>Adds a tensor whose layout takes <paramref name="bytes"/> bytes, such as a packed weight matrix.</summary>
    public Slot Add(string name, Shape shape, DType dtype, long bytes)
    {
        var slot = new Slot(name, shape, dtype, Bytes, bytes);
        _slots.Add(slot);
        Bytes = checked(Bytes + ((bytes + Alignment - 1) / Alignment * Alignment));
        return slot;
    }
}
