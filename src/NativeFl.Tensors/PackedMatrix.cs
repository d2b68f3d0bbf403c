namespace NativeFl.Tensors;

/// <summary>
/// A weight matrix W (out, in) in the layout that its backend multiplies fastest with: column panels on the CPU, row-major on
/// CUDA. Packed once by <see cref="Backend.Pack"/>; it borrows memory from an <see cref="Arena"/> like a <see cref="TensorView"/>.
/// </summary>
/// <param name="Pointer">The address of the block.</param>
/// <param name="Out">Output features, the rows of W.</param>
/// <param name="In">Input features, the columns of W.</param>
/// <param name="DType">The storage type, f32 or bf16.</param>
public readonly record struct PackedMatrix(nint Pointer, int Out, int In, DType DType)
{
    /// <summary>True for <c>default</c>: a matrix that is not there.</summary>
    public bool IsEmpty => Pointer == 0;
}
