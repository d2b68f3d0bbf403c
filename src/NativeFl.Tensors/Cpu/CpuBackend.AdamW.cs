namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void AdamW(
        TensorView gradients, TensorView norms, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<AdamWSegment> segments,
        TensorView parameters, TensorView firstMoments, TensorView secondMoments) => throw new NotSupportedException();
}
