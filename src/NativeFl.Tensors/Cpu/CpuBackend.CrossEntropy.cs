namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void CrossEntropy(TensorView labels, TensorView weights, bool withGradient, TensorView logits, TensorView losses) => throw new NotSupportedException();
}
