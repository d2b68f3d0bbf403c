namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void ColumnSum(TensorView x, TensorView sums) => throw new NotSupportedException();
}
