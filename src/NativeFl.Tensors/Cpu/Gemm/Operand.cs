namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>A matrix of floats as it lies in memory: [i, j] at i · stride + j, or with i and j exchanged where it is turned.</summary>
internal readonly unsafe struct Operand(float* pointer, nint stride, bool isTurned = false)
{
    /// <summary>The address of element [0, 0].</summary>
    public float* Pointer { get; } = pointer;

    /// <summary>Floats from one line to the next.</summary>
    public nint Stride { get; } = stride;

    /// <summary>Whether a line is a column.</summary>
    public bool IsTurned { get; } = isTurned;

    /// <summary>The transpose.</summary>
    public Operand Turned => new(Pointer, Stride, !IsTurned);

    /// <summary>The part of <paramref name="tensor"/> that begins at a row and column.</summary>
    public static Operand Of(TensorView tensor, int row = 0, int column = 0) =>
        new((float*)tensor.Pointer + ((nint)row * tensor.Columns) + column, tensor.Columns);
}
