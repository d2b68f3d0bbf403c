using NativeFl.Tests.Cli;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>The command line with --device cuda on the models of tests/fixtures, within the limits of the CPU.</summary>
[TestFixtureSource(typeof(FixtureCase), nameof(FixtureCase.Names))]
internal sealed class CudaModelVerbTests(string name) : ModelVerbTests(name)
{
    protected override string[] Device => CommandLineDevice.Flags("f32");

    [SetUp]
    public void Require() => CommandLineDevice.Require();
}
