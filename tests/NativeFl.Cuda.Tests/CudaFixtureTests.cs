using NativeFl.Tensors;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>The models of tests/fixtures on the device, within the limits of the CPU.</summary>
[TestFixtureSource(typeof(FixtureCase), nameof(FixtureCase.Names))]
internal sealed class CudaFixtureTests(string name) : FixtureTests(name), ISharesBackend
{
    public CudaBackend? Shared { get; private set; }

    [SetUp]
    public void Require() => CommandLineDevice.Require();

    protected override Backend Open() => Shared = TestDevice.Options is { } options
        ? CudaBackend.Create(options with { ActivationType = DType.F32 })
        : throw new IgnoreException(TestDevice.Description);
}
