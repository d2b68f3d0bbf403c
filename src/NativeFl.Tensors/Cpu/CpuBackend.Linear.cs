namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void LinearForward(TensorView x, PackedMatrix w, TensorView bias, bool accumulate, TensorView y) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void LinearBackward(TensorView dy, PackedMatrix w, bool accumulate, TensorView dx) => throw new NotSupportedException();
}
