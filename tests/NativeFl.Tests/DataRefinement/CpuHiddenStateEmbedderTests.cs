using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.DataRefinement;

internal sealed class CpuHiddenStateEmbedderTests : HiddenStateEmbedderTests
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });
}
