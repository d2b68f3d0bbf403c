using NativeFl.Tensors.Cpu.Gemm;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void MatMul(TensorView a, bool transposeA, TensorView b, bool transposeB, bool accumulate, TensorView c)
    {
        int m = transposeA ? a.Columns : a.Rows, k = transposeA ? a.Rows : a.Columns;
        int n = transposeB ? b.Rows : b.Columns;
        TensorCheck.Is(a, DType.F32, a.Rows, a.Columns);
        TensorCheck.Is(b, DType.F32, transposeB ? n : k, transposeB ? k : n);
        TensorCheck.Is(c, DType.F32, m, n);
        if (_blas is not null)
        {
            _blas.Multiply(a, transposeA, b, transposeB, accumulate, c);
            return;
        }
        Operand left = Operand.Of(a), right = Operand.Of(b);
        var product = new Product(transposeA ? left.Turned : left, transposeB ? right.Turned : right, Operand.Of(c))
        {
            Accumulate = accumulate,
            M = m,
            N = n,
            K = k,
        };
        Run(&product);
    }
}
