namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void DropoutForward(TensorView x, ReadOnlySpan<DropoutRows> rows, int module, float rate, TensorView y) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void DropoutBackward(TensorView dy, ReadOnlySpan<DropoutRows> rows, int module, float rate, TensorView dx) => throw new NotSupportedException();
}
