using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Products;

/// <summary>Matrix products by cuBLASLt: one plan for each shape, chosen by its estimate and never by timing.</summary>
internal sealed unsafe class BlasProducts : IDisposable
{
    // What NVIDIA recommends for Hopper, the largest it recommends.
    private const long WorkspaceBytes = 32L << 20;

    private readonly HandleCount _count;
    private readonly BlasHandle _blas;
    private readonly Dictionary<ProductKey, int> _numbers = [];
    private readonly List<ProductPlan> _plans = [];
    private nint _workspace;

    /// <summary>Opens cuBLASLt, which must be installed, for the current context.</summary>
    public BlasProducts(HandleCount count)
    {
        _count = count;
        _blas = BlasHandle.Create(count);
        nuint version = CublasLt.cublasLtGetVersion();
        Version = $"cuBLASLt {version / 10000}.{version % 10000 / 100}";
    }

    /// <summary>Name and version.</summary>
    public string Version { get; }

    /// <summary>The plan of a product by its number, or −1 where cuBLASLt has none.</summary>
    public int Find(in ProductKey key)
    {
        if (_numbers.TryGetValue(key, out int number)) return number;
        var plan = new ProductPlan(_blas.Value, key, WorkspaceBytes, _count);
        number = -1;
        if (plan.IsSupported)
        {
            number = _plans.Count;
            _plans.Add(plan);
            AllocateWorkspace();
        }
        else
        {
            plan.Dispose();
        }
        _numbers.Add(key, number);
        return number;
    }

    /// <summary>Enqueues the product of a plan.</summary>
    public void Enqueue(int number, nint a, nint b, nint c, bool accumulate, nint stream) =>
        _plans[number].Enqueue(_blas.Value, a, b, c, accumulate, _workspace, stream);

    public void Dispose()
    {
        foreach (ProductPlan plan in _plans) plan.Dispose();
        _blas.Dispose();
        if (_workspace != 0) _ = CudaDriver.cuMemFree_v2(_workspace);
        _workspace = 0;
    }

    private void AllocateWorkspace()
    {
        if (_workspace != 0) return;
        nint pointer;
        Status.Check(CudaDriver.cuMemAlloc_v2(&pointer, (nuint)WorkspaceBytes), $"cuMemAlloc of {WorkspaceBytes} bytes for cuBLASLt");
        _workspace = pointer;
    }
}
