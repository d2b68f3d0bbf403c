using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>
/// The base of every test that is about the device alone. Where there is none each test is a skip that says why. On the emulator no two
/// launches of a test run in the same order of blocks, warps and lanes, so that the same bits twice mean that the order does not matter.
/// </summary>
[Category("Kernels")]
internal abstract class CudaTest : OpTest, ISharesBackend
{
    /// <inheritdoc cref="OpTest.Backend"/>
    protected new CudaBackend Backend => (CudaBackend)base.Backend;

    CudaBackend? ISharesBackend.Shared => base.Backend as CudaBackend;

    /// <summary>How the fixture's backend is opened.</summary>
    protected virtual CudaBackendOptions Configure(CudaBackendOptions options) => options;

    protected sealed override Backend Open() => TestDevice.Open(Configure);

    protected sealed override void Close(Backend backend) => TestDevice.Close(backend, Ran);
}
