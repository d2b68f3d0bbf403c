namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void LoraForward(TensorView x, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void LoraBackward(
        TensorView dy, TensorView x, TensorView a, TensorView b, TensorView s, ReadOnlySpan<LoraGroup> groups,
        TensorView ds, TensorView da, TensorView db, TensorView dx) => throw new NotSupportedException();
}
