namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void MatMul(TensorView a, bool transposeA, TensorView b, bool transposeB, bool accumulate, TensorView c) => throw new NotSupportedException();
}
