using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

[TestFixtureSource(typeof(FixtureCase), nameof(FixtureCase.Names))]
internal sealed class CpuModelVerbTests(string name) : ModelVerbTests(name)
{
    protected override string[] Device => ["--device", "cpu", "--dtype", "f32"];
}
