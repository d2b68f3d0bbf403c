using NativeFl.Tensors;
using NativeFl.Tests.DataRefinement;

namespace NativeFl.Cuda.Tests;

/// <summary>k-means on the device.</summary>
internal sealed class CudaKMeansLawTests : KMeansLawTests, ISharesBackend
{
    CudaBackend? ISharesBackend.Shared => Backend as CudaBackend;

    protected override Backend Open() => TestDevice.Open();

    protected override void Close(Backend backend) => TestDevice.Close(backend, Ran);
}
