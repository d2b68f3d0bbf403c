namespace NativeFl.Cuda.Tests;

/// <summary>A fixture whose tests share a backend, which keeps what it loads (kernels, plans, graphs) from one test to the next.</summary>
internal interface ISharesBackend
{
    /// <summary>The backend while it is open.</summary>
    CudaBackend? Shared { get; }
}
