using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;

namespace NativeFl.Tests.DataRefinement;

/// <summary>The same bits on the CPU.</summary>
internal sealed class CpuCoalitionBitsTests : CoalitionBitsTest
{
    protected override Backend Open() => TrainingCases.Backend();
}
