using NativeFl.Tensors;

namespace NativeFl.Cuda.Products;

/// <summary>
/// Everything that the choice of an algorithm depends on: C (M, N) = op(A) op(B), row-major. Alignments count up to 16 bytes, what a vector
/// load wants, so that where an arena happens to lie changes no bits.
/// </summary>
internal readonly record struct ProductKey(
    int M, int N, int K, bool TransposeA, bool TransposeB, DType Operands, DType Output, int AlignmentA, int AlignmentB, int AlignmentC)
{
    private const int MaxAlignment = 16;

    /// <summary>The key of a product.</summary>
    public static ProductKey Of(TensorView a, bool transposeA, TensorView b, bool transposeB, TensorView c) => new(
        c.Rows, c.Columns, transposeA ? a.Rows : a.Columns, transposeA, transposeB, a.DType, c.DType,
        Alignment(a.Pointer), Alignment(b.Pointer), Alignment(c.Pointer));

    private static int Alignment(nint pointer) => (int)Math.Min(MaxAlignment, pointer & -pointer);
}
