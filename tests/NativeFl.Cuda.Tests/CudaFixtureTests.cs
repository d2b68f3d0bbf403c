using NativeFl.Tensors;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>The models of tests/fixtures on the device, within the limits of the CPU.</summary>
[TestFixtureSource(typeof(FixtureCase), nameof(FixtureCase.Names))]
internal sealed class CudaFixtureTests(string name) : FixtureTests(name)
{
    [SetUp]
    public void Require() => CommandLineDevice.Require();

    protected override Backend Open() => TestDevice.Options is { } options
        ? CudaBackend.Create(options with { ActivationType = DType.F32 })
        : throw new IgnoreException(TestDevice.Description);
}
