namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void LoraMerge(TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, PackedMatrix w) => throw new NotSupportedException();
}
