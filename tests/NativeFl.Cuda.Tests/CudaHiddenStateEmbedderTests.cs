using NativeFl.Tensors;
using NativeFl.Tests.DataRefinement;

namespace NativeFl.Cuda.Tests;

/// <summary>Embeddings by the base on the device, with activations in f32.</summary>
internal sealed class CudaHiddenStateEmbedderTests : HiddenStateEmbedderTests, ISharesBackend
{
    CudaBackend? ISharesBackend.Shared => Backend as CudaBackend;

    protected override Backend Open() => TestDevice.Open(options => options with { ActivationType = DType.F32 });

    protected override void Close(Backend backend) => TestDevice.Close(backend, Ran);
}
