namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void RmsNormForward(TensorView x, TensorView w, float epsilon, TensorView y, TensorView rstd) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void RmsNormBackward(TensorView dy, TensorView x, TensorView w, TensorView rstd, TensorView dx, TensorView dw) => throw new NotSupportedException();
}
