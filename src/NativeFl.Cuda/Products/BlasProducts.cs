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
    private readonly BlockHandle _workspace;

    /// <summary>Opens cuBLASLt, which must be installed, for the current context.</summary>
    public BlasProducts(HandleCount count)
    {
        _count = count;
        _blas = BlasHandle.Create(count);
        nuint version = CublasLt.cublasLtGetVersion();
        try
        {
            _workspace = BlockHandle.Allocate(WorkspaceBytes, "for cuBLASLt", count);
        }
        catch
        {
            _blas.Dispose();
            throw;
        }
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
        _plans[number].Enqueue(_blas.Value, a, b, c, accumulate, _workspace.Value, stream);

    public void Dispose()
    {
        foreach (ProductPlan plan in _plans) plan.Dispose();
        _blas.Dispose();
        _workspace.Dispose();
    }
}
