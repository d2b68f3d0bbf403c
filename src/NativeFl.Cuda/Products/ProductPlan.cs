using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Products;

/// <summary>A product that cuBLASLt has an algorithm for. cuBLASLt is column-major, to which a row-major matrix is its transpose: Cᵀ = op(B)ᵀ op(A)ᵀ.</summary>
internal sealed unsafe class ProductPlan : IDisposable
{
    private readonly MatmulDescription _description;
    private readonly MatrixLayout _left, _right, _output;
    private MatmulHeuristic _choice;

    /// <summary>Asks cuBLASLt for its best algorithm by its own estimate, which does not measure.</summary>
    public ProductPlan(nint blas, in ProductKey key, long workspaceBytes, HandleCount count)
    {
        _description = MatmulDescription.Create(key.TransposeB, key.TransposeA, count);
        try
        {
            _left = key.TransposeB ? MatrixLayout.Create(key.Operands, key.K, key.N, count) : MatrixLayout.Create(key.Operands, key.N, key.K, count);
            _right = key.TransposeA ? MatrixLayout.Create(key.Operands, key.M, key.K, count) : MatrixLayout.Create(key.Operands, key.K, key.M, count);
            _output = MatrixLayout.Create(key.Output, key.N, key.M, count);
            using MatmulPreference preference = MatmulPreference.Create(workspaceBytes, key.AlignmentB, key.AlignmentA, key.AlignmentC, count);
            int found = 0;
            fixed (MatmulHeuristic* choice = &_choice)
            {
                int status = CublasLt.cublasLtMatmulAlgoGetHeuristic(
                    blas, _description.Value, _left.Value, _right.Value, _output.Value, _output.Value, preference.Value, 1, choice, &found);
                IsSupported = status == 0 && found > 0 && choice->State == 0;
            }
        }
        catch (CudaException)
        {
            Dispose();
            throw;
        }
    }

    /// <summary>False where cuBLASLt has nothing for it.</summary>
    public bool IsSupported { get; }

    /// <summary>Enqueues c = op(a) op(b), or c += that.</summary>
    public void Enqueue(nint blas, nint a, nint b, nint c, bool accumulate, nint workspace, nint stream)
    {
        float alpha = 1, beta = accumulate ? 1 : 0;
        fixed (MatmulHeuristic* choice = &_choice)
        {
            int status = CublasLt.cublasLtMatmul(
                blas, _description.Value, &alpha, b, _left.Value, a, _right.Value, &beta, c, _output.Value, c, _output.Value,
                (MatmulAlgorithm*)choice, workspace, choice->WorkspaceBytes, stream);
            Status.CheckBlas(status, "cublasLtMatmul");
        }
    }

    public void Dispose()
    {
        _description.Dispose();
        _left?.Dispose();
        _right?.Dispose();
        _output?.Dispose();
    }
}
