namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void GradNorm(TensorView gradients, ReadOnlySpan<ParameterRange> ranges, TensorView norms) => throw new NotSupportedException();
}
