using NativeFl.Cuda.Interop;
using NativeFl.Cuda.Products;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;

namespace NativeFl.Cuda;

// Which products cuBLASLt takes. What it does not take, and every product where it is not installed, is for kernels/gemm.cu.
public sealed unsafe partial class CudaBackend
{
    private readonly bool _useBlas;
    private BlasProducts? _blas;
    private string? _noBlas;

    /// <summary>Who multiplies matrices: cuBLASLt with its version, or NativeFl's own kernels and why.</summary>
    internal string ProductsName => Blas is { } blas ? blas.Version : $"own kernels ({_noBlas})";

    private BlasProducts? Blas
    {
        get
        {
            if (_blas is not null || _noBlas is not null) return _blas;
            if (!_useBlas) _noBlas = "cuBLASLt not wanted";
            else if (!NativeLibraries.IsPresent(NativeLibraries.Blas)) _noBlas = NativeLibraries.AbsentReason(NativeLibraries.Blas);
            else OpenBlas();
            return _blas;
        }
    }

    /// <summary>
    /// Enqueues c = op(a) op(b), or c += that, by cuBLASLt: operands both f32 (multiplied as f32) or both bf16, c f32 or the operands' type,
    /// nothing empty. Returns false, with nothing enqueued, where cuBLASLt is not there or does not do it.
    /// </summary>
    private bool TryBlasProduct(TensorView a, bool transposeA, TensorView b, bool transposeB, bool accumulate, TensorView c)
    {
        if (a.DType != b.DType || (c.DType != DType.F32 && c.DType != a.DType) || a.Count == 0 || b.Count == 0 || c.Count == 0) return false;
        Enter();
        if (Blas is not { } blas) return false;
        int number = blas.Find(ProductKey.Of(a, transposeA, b, transposeB, c));
        if (number < 0) return false;
        _queue.Enqueue(Command.Product(number, a.Pointer, b.Pointer, c.Pointer, accumulate));
        return true;
    }

    // A cuBLASLt that does not open (older than the device, say) is as good as none.
    private void OpenBlas()
    {
        try
        {
            _blas = new BlasProducts(_handles);
            _queue.Products = _blas;
        }
        catch (CudaException e)
        {
            _noBlas = $"{e.Operation}: {e.DeviceText}";
        }
    }
}
