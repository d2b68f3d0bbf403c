using NativeFl.Tensors;

namespace NativeFl.Cuda;

/// <summary>c = op(a) op(b) + bias, or c += that, row-major; op transposes if asked. The operands have been checked.</summary>
internal readonly record struct MatrixProduct(
    TensorView A, bool TransposeA, TensorView B, bool TransposeB, TensorView Bias, bool Accumulate, TensorView C)
{
    /// <summary>Rows of op(a) and c.</summary>
    public int M => C.Rows;

    /// <summary>Columns of op(b) and c.</summary>
    public int N => C.Columns;

    /// <summary>Columns of op(a), rows of op(b).</summary>
    public int K => TransposeA ? A.Rows : A.Columns;
}
