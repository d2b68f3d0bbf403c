using NativeFl.Tensors;
using NativeFl.Tests.LayerDropping;

namespace NativeFl.Cuda.Tests;

/// <summary>Losses from kept streams on the device.</summary>
[TestFixture(DType.F32)]
[TestFixture(DType.BF16)]
internal sealed class CudaDeletionLossTests(DType type) : DeletionLossTest, ISharesBackend
{
    public CudaBackend? Shared { get; private set; }

    [SetUp]
    public void Require() => CommandLineDevice.Require();

    protected override int Samples => 1;

    protected override Backend Open() => Shared = TestDevice.Options is { } options
        ? CudaBackend.Create(options with { ActivationType = type })
        : throw new IgnoreException(TestDevice.Description);
}
