using System.Buffers;
using System.Runtime.InteropServices;

namespace NativeFl.Tensors.Cpu;

/// <summary>
/// Scratch floats of one task, from the shared array pool and pinned, so that after the first step nothing is allocated. The memory
/// holds whatever its last user left.
/// </summary>
internal sealed unsafe class Workspace : IDisposable
{
    private const int AlignedFloats = MemoryPlan.Alignment / sizeof(float);

    private readonly float[] _array;
    private readonly float* _end;
    private GCHandle _pin;
    private float* _next;

    /// <summary>Rents room for <paramref name="floats"/> floats in up to 16 blocks.</summary>
    public Workspace(long floats)
    {
        _array = ArrayPool<float>.Shared.Rent(checked((int)floats + (17 * AlignedFloats)));
        _pin = GCHandle.Alloc(_array, GCHandleType.Pinned);
        float* start = (float*)_pin.AddrOfPinnedObject();
        _end = start + _array.Length;
        _next = Aligned(start);
    }

    /// <summary>The next block, aligned to a cache line.</summary>
    public float* Take(long floats)
    {
        float* block = _next;
        if (floats > _end - block) throw new ArgumentOutOfRangeException(nameof(floats), "more scratch taken than was rented");
        _next = Aligned(block + floats);
        return block;
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        if (!_pin.IsAllocated) return;
        _pin.Free();
        ArrayPool<float>.Shared.Return(_array);
    }

    private static float* Aligned(float* pointer) => (float*)(((nint)pointer + MemoryPlan.Alignment - 1) & -MemoryPlan.Alignment);
}
