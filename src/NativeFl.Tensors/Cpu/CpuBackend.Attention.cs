namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void AttentionForward(
        TensorView q, TensorView k, TensorView v, ReadOnlySpan<AttentionSpan> spans, AttentionShape shape, TensorView o, TensorView lse) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void AttentionBackward(
        TensorView dO, TensorView q, TensorView k, TensorView v, TensorView o, TensorView lse,
        ReadOnlySpan<AttentionSpan> spans, AttentionShape shape, TensorView delta, TensorView dq, TensorView dk, TensorView dv) => throw new NotSupportedException();
}
