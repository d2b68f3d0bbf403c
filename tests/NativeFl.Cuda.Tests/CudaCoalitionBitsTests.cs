using NativeFl.Tensors;
using NativeFl.Tests.DataRefinement;

namespace NativeFl.Cuda.Tests;

/// <summary>The same bits on the device, by the product's own kernels.</summary>
[TestFixture(DType.F32)]
[TestFixture(DType.BF16)]
internal sealed class CudaCoalitionBitsTests(DType type) : CoalitionBitsTest, ISharesBackend
{
    public CudaBackend? Shared { get; private set; }

    [SetUp]
    public void Require() => CommandLineDevice.Require();

    protected override Backend Open() => Shared = TestDevice.Options is { } options
        ? CudaBackend.Create(options with { ActivationType = type })
        : throw new IgnoreException(TestDevice.Description);
}
