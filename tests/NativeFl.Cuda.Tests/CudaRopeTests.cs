using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

[Category("Kernels")]
[TestFixture(DType.F32)]
[TestFixture(DType.BF16)]
internal sealed class CudaRopeTests(DType type) : RopeTests(type), ISharesBackend
{
    CudaBackend? ISharesBackend.Shared => Backend as CudaBackend;

    protected override Backend Open() => TestDevice.Open();

    protected override void Close(Backend backend) => TestDevice.Close(backend, Ran);
}
