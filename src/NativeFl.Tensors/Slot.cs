namespace NativeFl.Tensors;

/// <summary>One row of a memory plan.</summary>
/// <param name="Name">What the tensor is.</param>
/// <param name="Shape">Its extents.</param>
/// <param name="DType">Its element type.</param>
/// <param name="Offset">Bytes from the start of the arena, a multiple of <see cref="MemoryPlan.Alignment"/>.</param>
/// <param name="Bytes">Its size.</param>
public readonly record struct Slot(string Name, Shape Shape, DType DType, long Offset, long Bytes);
