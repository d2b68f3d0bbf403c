namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void SwigluForward(TensorView gate, TensorView up, TensorView y) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SwigluBackward(TensorView dy, TensorView gate, TensorView up, TensorView dGate, TensorView dUp) => throw new NotSupportedException();
}
