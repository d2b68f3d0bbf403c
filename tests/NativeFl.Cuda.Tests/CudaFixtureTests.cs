using NativeFl.Tensors;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>The models of tests/fixtures on the device, within the limits of the CPU.</summary>
[TestFixtureSource(typeof(FixtureCase), nameof(FixtureCase.Names))]
internal sealed class CudaFixtureTests(string name) : FixtureTests(name)
{
    [SetUp]
    public void Count() => TestDevice.CountCase();

    protected override Backend Open()
    {
        if (TestDevice.Options is not { } options) throw new IgnoreException(TestDevice.Description);
        return CudaBackend.Create(options with { ActivationType = DType.F32 });
    }
}
