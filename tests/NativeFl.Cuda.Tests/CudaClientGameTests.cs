using NativeFl.Tensors;
using NativeFl.Tests.Federation;

namespace NativeFl.Cuda.Tests;

/// <summary>The games of a round's clients on the device.</summary>
internal sealed class CudaClientGameTests : ClientGameTest, ISharesBackend
{
    public CudaBackend? Shared { get; private set; }

    [SetUp]
    public void Require() => CommandLineDevice.Require();

    protected override Backend Open() => Shared = TestDevice.Options is { } options
        ? CudaBackend.Create(options with { ActivationType = DType.F32 })
        : throw new IgnoreException(TestDevice.Description);
}
