using NativeFl.Cuda.Interop;
using NativeFl.Cuda.Products;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;

namespace NativeFl.Cuda;

// Which products cuBLASLt takes. What it does not take, and every product where it is not installed, is for kernels/gemm.cu.
public sealed unsafe partial class CudaBackend
{
    private readonly BlasProducts? _blas;
    private readonly string _noBlas;

    /// <summary>Who multiplies matrices: cuBLASLt with its version, or NativeFl's own kernels and why.</summary>
    internal string ProductsName => _blas is { } blas ? blas.Version : $"own kernels ({_noBlas})";

    /// <summary>
    /// Enqueues c = op(a) op(b), or c += that, by cuBLASLt: operands both f32 (multiplied as f32) or both bf16, c f32 or the operands' type,
    /// nothing empty. Returns false, with nothing enqueued, where cuBLASLt is not there or does not do it.
    /// </summary>
    private bool TryBlasProduct(TensorView a, bool transposeA, TensorView b, bool transposeB, bool accumulate, TensorView c)
    {
        if (a.DType != b.DType || (c.DType != DType.F32 && c.DType != a.DType) || a.Count == 0 || b.Count == 0 || c.Count == 0) return false;
        Enter();
        if (_blas is not { } blas) return false;
        int number = blas.Find(ProductKey.Of(a, transposeA, b, transposeB, c));
        if (number < 0) return false;
        _queue.Enqueue(Command.Product(number, a.Pointer, b.Pointer, c.Pointer, accumulate));
        return true;
    }

    // A cuBLASLt that does not open (older than the device, say) is as good as none; a device without room for its workspace is full.
    private static BlasProducts? OpenBlas(bool isWanted, HandleCount handles, out string reason)
    {
        reason = isWanted ? NativeLibraries.Obstacle(NativeLibraries.Blas, CublasLt.Functions) : "cuBLASLt not wanted";
        if (reason.Length > 0) return null;
        try
        {
            return new BlasProducts(handles);
        }
        catch (CudaException e) when (e.Status != Status.OutOfMemory)
        {
            reason = $"{e.Operation}: {e.DeviceText}";
            return null;
        }
    }
}
