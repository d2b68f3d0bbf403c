using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Models;

[TestFixtureSource(typeof(FixtureCase), nameof(FixtureCase.Names))]
internal sealed class CpuFixtureTests(string name) : FixtureTests(name)
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });
}
