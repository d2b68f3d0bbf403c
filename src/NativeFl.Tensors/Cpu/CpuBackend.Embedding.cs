namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void EmbeddingForward(PackedMatrix table, TensorView tokens, TensorView x) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void EmbeddingBackward(TensorView dx, TensorView tokens, TensorView dTable) => throw new NotSupportedException();
}
