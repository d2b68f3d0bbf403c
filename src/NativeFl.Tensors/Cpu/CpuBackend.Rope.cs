namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void RopeForward(TensorView positions, TensorView frequencies, TensorView x) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void RopeBackward(TensorView positions, TensorView frequencies, TensorView dx) => throw new NotSupportedException();
}
