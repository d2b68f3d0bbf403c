using NativeFl.Tensors;
using NativeFl.Tests.DataRefinement;

namespace NativeFl.Cuda.Tests;

/// <summary>The sentence embedder's products on the device: in f32 also where activations are bf16.</summary>
internal sealed class CudaSentenceEmbedderTests : SentenceEmbedderTests, ISharesBackend
{
    CudaBackend? ISharesBackend.Shared => Backend as CudaBackend;

    protected override Backend Open() => TestDevice.Open(options => options with { ActivationType = DType.BF16 });

    protected override void Close(Backend backend) => TestDevice.Close(backend, Ran);
}
