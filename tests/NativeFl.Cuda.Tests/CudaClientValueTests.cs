using NativeFl.Tests.Cli;

namespace NativeFl.Cuda.Tests;

/// <summary>What clients are worth, with --device cuda.</summary>
internal sealed class CudaClientValueTests : ClientValueTest
{
    protected override IReadOnlyList<string> Device => CommandLineDevice.Flags("f32");

    [SetUp]
    public void Require() => CommandLineDevice.Require();
}
